package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Command is a resource that is made, changed and deleted by running commands.
type Command struct{}

// Annotate gives the resource the official provider's name.
func (*Command) Annotate(a infer.Annotator) { a.SetToken("local", "Command") }

// Inputs are the official provider's, without assets and archives.
type Inputs struct {
	Create      *string           `pulumi:"create,optional"`
	Update      *string           `pulumi:"update,optional"`
	Delete      *string           `pulumi:"delete,optional"`
	Triggers    []any             `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Environment map[string]string `pulumi:"environment,optional"`
	Dir         *string           `pulumi:"dir,optional"`
	// The program that a command is the last argument of; default /bin/sh -c.
	Interpreter []string `pulumi:"interpreter,optional"`
	Stdin       *string  `pulumi:"stdin,optional"`
	// stdout, stderr, stdoutAndStderr (default) or none: what of the output the terminal shows.
	Logging *string `pulumi:"logging,optional"`
	// Whether PULUMI_COMMAND_STDOUT and _STDERR hold what the last command printed; default true.
	AddPreviousOutputInEnv *bool `pulumi:"addPreviousOutputInEnv,optional"`
}

// State is what the stack records.
type State struct {
	Inputs
	Output
}

// Output is what a command has printed, without the last line's end.
type Output struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Create runs the create command, if there is one.
func (*Command) Create(ctx context.Context, req infer.CreateRequest[Inputs]) (infer.CreateResponse[State], error) {
	state := State{Inputs: req.Inputs}
	if req.DryRun {
		return infer.CreateResponse[State]{Output: state}, nil
	}
	err := state.run(ctx, "create", req.Inputs.Create, nil)
	return infer.CreateResponse[State]{ID: "command-" + rand.Text(), Output: state}, err
}

// Update runs the update command, or again the create command where there is no other.
func (*Command) Update(
	ctx context.Context, req infer.UpdateRequest[Inputs, State],
) (infer.UpdateResponse[State], error) {
	state := State{Inputs: req.Inputs, Output: req.State.Output}
	if req.DryRun {
		return infer.UpdateResponse[State]{Output: state}, nil
	}
	name, line := "update", req.Inputs.Update
	if line == nil {
		name, line = "create", req.Inputs.Create
	}
	err := state.run(ctx, name, line, &req.State.Output)
	return infer.UpdateResponse[State]{Output: state}, err
}

// Delete runs the delete command, if there is one.
func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	state := req.State
	return infer.DeleteResponse{}, state.run(ctx, "delete", req.State.Inputs.Delete, &req.State.Output)
}

func (s *State) run(ctx context.Context, name string, line *string, previous *Output) error {
	if line == nil {
		return nil
	}
	output, err := s.Inputs.execute(ctx, *line, previous)
	if err != nil {
		return fmt.Errorf("the %s command %w", name, err)
	}
	s.Output = output
	return nil
}
