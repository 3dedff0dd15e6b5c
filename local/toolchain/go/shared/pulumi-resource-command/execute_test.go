package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi-go-provider/infer"
)

func text(value string) *string { return &value }

func create(t *testing.T, in Inputs) (State, error) {
	t.Helper()
	made, err := (&Command{}).Create(t.Context(), infer.CreateRequest[Inputs]{Inputs: in})
	return made.Output, err
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRunsWithDirectoryEnvironmentAndInput(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("in the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := Inputs{
		Create:      text(`cat file; cat; echo "$WHO"; echo aside >&2`),
		Dir:         &dir,
		Stdin:       text("typed\n"),
		Environment: map[string]string{"WHO": "me"},
	}
	state, err := create(t, in)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, state.Stdout, "in the file\ntyped\nme")
	expect(t, state.Stderr, "aside")
	state, err = create(t, Inputs{Create: text("a b"), Interpreter: []string{"/bin/echo", "-n"}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, state.Stdout, "a b")
}

func TestDoesNotRunInAPreview(t *testing.T) {
	made := filepath.Join(t.TempDir(), "made")
	request := infer.CreateRequest[Inputs]{Inputs: Inputs{Create: text("touch " + made)}, DryRun: true}
	if _, err := (&Command{}).Create(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("it ran")
	}
}

func TestUpdateHasWhatWasPrintedBefore(t *testing.T) {
	no := false
	again := text(`echo "after: $PULUMI_COMMAND_STDOUT"`)
	for want, in := range map[string]Inputs{
		"after: first": {Create: again},
		"after: ":      {Create: again, AddPreviousOutputInEnv: &no},
		"other":        {Create: again, Update: text("echo other")},
		"first":        {},
	} {
		old := State{Inputs: in, Output: Output{Stdout: "first"}}
		updated, err := (&Command{}).Update(t.Context(), infer.UpdateRequest[Inputs, State]{State: old, Inputs: in})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, updated.Output.Stdout, want)
	}
}

func TestDelete(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	state := State{Inputs: Inputs{Delete: text(`echo "$PULUMI_COMMAND_STDOUT" > ` + gone)}, Output: Output{Stdout: "made"}}
	if _, err := (&Command{}).Delete(t.Context(), infer.DeleteRequest[State]{State: state}); err != nil {
		t.Fatal(err)
	}
	content, _ := os.ReadFile(gone)
	expect(t, string(content), "made\n")
	if _, err := (&Command{}).Delete(t.Context(), infer.DeleteRequest[State]{}); err != nil {
		t.Fatal(err)
	}
}

func TestAFailureShowsTheLastLines(t *testing.T) {
	_, err := create(t, Inputs{Create: text("seq 30; exit 3")})
	var lines strings.Builder
	for _, line := range strings.Fields("11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30") {
		lines.WriteString("\n  | " + line)
	}
	expect(t, err.Error(), "the create command ended with exit status 3"+lines.String())
	_, err = create(t, Inputs{Create: text("echo secret; exit 3"), Logging: text("none")})
	expect(t, err.Error(), "the create command ended with exit status 3")
	_, err = create(t, Inputs{Create: text("true"), Dir: text("/no/such")})
	if !strings.Contains(err.Error(), "could not be started") {
		t.Error(err)
	}
}

// Both end the whole process group: the child of the shell says that it was told to end.
func TestTimeoutAndCancellationEndAll(t *testing.T) {
	for want, within := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"took longer than its timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 500*time.Millisecond)
		},
		"was cancelled": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(500*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ended := filepath.Join(t.TempDir(), "ended")
		ctx, cancel := within(t.Context())
		line := `sh -c 'trap "touch ` + ended + `; exit" TERM; while :; do sleep 0.05; done'; true`
		_, err := Inputs{}.execute(ctx, line, nil)
		cancel()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := os.Stat(ended); err != nil {
			t.Error(err)
		}
	}
}
