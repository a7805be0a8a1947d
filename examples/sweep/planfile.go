package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// readPlan reads the plan in a file, or on standard input for "-".
func readPlan(name string, stdin io.Reader) (*remediate.Plan, error) {
	if name == "-" {
		return remediate.ReadPlan(stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.WithMessage(err, "read the plan")
	}
	defer f.Close()
	return remediate.ReadPlan(f)
}

// writePlan replaces the file as a whole or not at all. Nobody else may read or
// write it: it says what root is going to do.
func writePlan(name string, p *remediate.Plan) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return errors.WithStack(err)
	}
	if st, err := os.Lstat(name); err == nil && !st.Mode().IsRegular() {
		return errors.Errorf("%s is there and is no regular file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return errors.WithStack(err)
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
