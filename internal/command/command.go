// Package command starts a host's programs: the one seam between this module
// and os/exec.
//
// A [Runner] gets an argv, never a shell line, and answers with what the
// program printed and its exit status. [Exec] is the real one; tests script
// their own.
package command

import (
	"context"
	"fmt"
	"strings"
)

// A Result is what a program that ran to its end left behind.
type Result struct {
	Stdout, Stderr []byte
	Code           int // exit status; a program that ended by a signal is an error instead
}

// A Runner runs argv[0] with the rest as its arguments and waits for it until
// ctx ends. An exit status other than 0 is not an error. Errors are *[Error].
type Runner func(ctx context.Context, argv ...string) (Result, error)

// An Error says that a program could not be started, was ended by a signal, or
// has not come back. It matches [fs.ErrNotExist] where there is no such
// program, and the context's error where that ended first.
type Error struct {
	Argv   []string
	Stderr string // what it had printed on standard error, if anything
	Stuck  int    // its process id, where it could not even be killed; else 0
	Err    error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", strings.Join(e.Argv, " "), e.Err)
	if e.Stuck != 0 {
		s += fmt.Sprintf(" (process %d does not end, not even by a kill)", e.Stuck)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
