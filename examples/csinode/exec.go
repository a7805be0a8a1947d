package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A runner starts a program and returns what it prints, without a shell. A
// program that ends with a status is a *commandError.
type runner func(ctx context.Context, argv ...string) (stdout string, err error)

// A commandError is how a program ended.
type commandError struct {
	Argv   []string
	Status int // -1 where it did not end by itself
	Stderr string
	Err    error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s: %v: %s", strings.Join(e.Argv, " "), e.Err, strings.TrimSpace(e.Stderr))
}

func (e *commandError) Unwrap() error { return e.Err }

// commandLimit bounds every program.
const commandLimit = 30 * time.Second

// execute is the runner on this host. It returns by the end of ctx, and leaves a
// program behind that even SIGKILL does not end, as one that waits for a disk.
func execute(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.Command(argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Start(); err != nil {
		return "", &commandError{Argv: argv, Status: -1, Err: err}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return stdout.String(), &commandError{Argv: argv, Status: cmd.ProcessState.ExitCode(), Stderr: stderr.String(), Err: err}
		}
		return stdout.String(), nil
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		return "", &commandError{Argv: argv, Status: -1, Err: ctx.Err()}
	}
}
