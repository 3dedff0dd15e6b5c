package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
)

const (
	// shownLines is how many of a failed command's last lines its error shows.
	shownLines = 20
	// patience is how long a command that was told to end may take before it is killed, and how long its output is read
	// after its end.
	patience = 10 * time.Second
)

// execute runs one command to its end. It fails if the command cannot be started, ends with a code other than 0, takes
// longer than the resource's timeout, or the update is cancelled: the last two end everything that the command started.
func (in Inputs) execute(ctx context.Context, line string, previous *Output) (Output, error) {
	interpreter := in.Interpreter
	if len(interpreter) == 0 {
		interpreter = []string{"/bin/sh", "-c"}
	}
	command := exec.CommandContext(ctx, interpreter[0], append(interpreter[1:len(interpreter):len(interpreter)], line)...)
	command.Dir = value(in.Dir)
	command.Env = in.environment(previous)
	command.Stdin = strings.NewReader(value(in.Stdin))
	// A process group of its own, which is ended as one.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = patience

	var recent tail
	logging := "stdoutAndStderr"
	if in.Logging != nil {
		logging = *in.Logging
	}
	show := func(stream string) func(string) {
		shown := strings.Contains(strings.ToLower(logging), stream)
		return func(text string) {
			recent.add(text)
			if shown {
				p.GetLogger(ctx).InfoStatus(text)
			}
		}
	}
	var stdout, stderr strings.Builder
	outLines, errLines := newLines(show("stdout")), newLines(show("stderr"))
	command.Stdout = io.MultiWriter(&stdout, outLines)
	command.Stderr = io.MultiWriter(&stderr, errLines)

	err := command.Run()
	outLines.end()
	errLines.end()
	if ctx.Err() != nil && command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // What ignored the first signal; usually nothing.
	}
	// A process that it leaves behind may hold its output open: that is no failure.
	if err == nil || ctx.Err() == nil && errors.Is(err, exec.ErrWaitDelay) {
		return Output{strings.TrimSuffix(stdout.String(), "\n"), strings.TrimSuffix(stderr.String(), "\n")}, nil
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = errors.New("took longer than its timeout")
	case ctx.Err() != nil:
		err = errors.New("was cancelled")
	case errors.As(err, &exit):
		err = fmt.Errorf("ended with %w", exit)
	default:
		return Output{}, fmt.Errorf("could not be started (%w): correct its interpreter or dir", err)
	}
	if logging == "none" {
		return Output{}, err
	}
	return Output{}, fmt.Errorf("%w%s", err, recent.text())
}

func (in Inputs) environment(previous *Output) []string {
	environment := os.Environ()
	if previous != nil && (in.AddPreviousOutputInEnv == nil || *in.AddPreviousOutputInEnv) {
		environment = append(environment, "PULUMI_COMMAND_STDOUT="+previous.Stdout, "PULUMI_COMMAND_STDERR="+previous.Stderr)
	}
	for key, text := range in.Environment {
		environment = append(environment, key+"="+text)
	}
	return environment
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// tail keeps the last lines of both streams.
type tail struct {
	mutex sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.lines = append(t.lines, line)
	t.lines = t.lines[max(0, len(t.lines)-shownLines):]
}

func (t *tail) text() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var text strings.Builder
	for _, line := range t.lines {
		text.WriteString("\n  | " + line)
	}
	return text.String()
}

// lines cuts what is written to it into lines that are not empty.
type lines struct {
	*io.PipeWriter
	done chan struct{}
}

func newLines(each func(string)) lines {
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffered := bufio.NewReader(reader)
		for {
			text, err := buffered.ReadString('\n')
			if text = strings.TrimRight(text, "\r\n"); text != "" {
				each(text)
			}
			if err != nil {
				return
			}
		}
	}()
	return lines{writer, done}
}

func (l lines) end() {
	_ = l.Close()
	<-l.done
}
