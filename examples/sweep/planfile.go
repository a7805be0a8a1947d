package main

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// readPlan reads the plan in a file, or on standard input for "-".
func readPlan(ctx context.Context, name string, stdin io.Reader) (*remediate.Plan, error) {
	return within(ctx, "read the plan", func() (*remediate.Plan, error) {
		if name == "-" {
			p, err := remediate.ReadPlan(stdin)
			return p, aboutFile(err, "plan on standard input")
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, aboutFile(err, "read the plan")
		}
		defer f.Close()
		p, err := remediate.ReadPlan(f)
		return p, aboutFile(err, "plan "+name)
	})
}

// within does what may never end, such as to open a FIFO or to read a terminal,
// and waits for it until ctx ends.
func within[T any](ctx context.Context, what string, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := do()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, errors.WithMessage(ctx.Err(), what)
	}
}

// A fileError is about a file that the command line names, and not about the
// host.
type fileError struct {
	what string
	err  error
}

func (e *fileError) Error() string { return e.what + ": " + e.err.Error() }

func (e *fileError) Unwrap() error { return e.err }

func aboutFile(err error, what string) error {
	if err == nil {
		return nil
	}
	return errors.WithStack(&fileError{what, err})
}

// writePlan replaces the file as a whole or not at all. Nobody else may read or
// write it: it says what root is going to do.
func writePlan(name string, p *remediate.Plan) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return errors.WithStack(err)
	}
	f, err := beside(name)
	if err != nil {
		return err
	}
	if err := fill(f, append(b, '\n')); err != nil {
		os.Remove(f.Name())
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		os.Remove(f.Name())
		return errors.WithStack(err)
	}
	return nil
}

// checkOut refuses a file for the plan that could not be written, before the time
// that it takes to make the plan.
func checkOut(name string) error {
	if name == "" {
		return nil
	}
	f, err := beside(name)
	if err != nil {
		return aboutFile(err, "write the plan")
	}
	f.Close()
	return aboutFile(os.Remove(f.Name()), "write the plan")
}

// beside makes the file that is to become the one called name.
func beside(name string) (*os.File, error) {
	if st, err := os.Lstat(name); err == nil && !st.Mode().IsRegular() {
		return nil, errors.Errorf("%s is there and is no regular file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	var path *fs.PathError
	if errors.As(err, &path) {
		err = &fs.PathError{Op: "create", Path: name, Err: path.Err}
	}
	return f, errors.WithStack(err)
}

// fill writes b to the disk and closes the file, whatever happens.
func fill(f *os.File, b []byte) error {
	_, err := f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return errors.WithStack(err)
}
