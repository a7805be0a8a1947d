package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// records is what this node knows of its volumes, one file each, from before the
// first device is made until the last one is proven gone. It survives a crash at
// any point: a record is whole or not there.
type records struct{ dir string }

func openRecords(dir string) (*records, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errors.WithStack(err)
	}
	return &records{dir: dir}, nil
}

// suffix ends the names of records; what is only being written has another.
const suffix = ".json"

func (r *records) file(id string) string { return filepath.Join(r.dir, "v-"+url.PathEscape(id)+suffix) }

// put writes a record and returns when it is on stable storage.
func (r *records) put(v volume) error {
	b, err := json.Marshal(v)
	if err != nil {
		return errors.WithStack(err)
	}
	f, err := os.CreateTemp(r.dir, "new-")
	if err != nil {
		return errors.WithStack(err)
	}
	defer os.Remove(f.Name()) // unless it was renamed
	_, err = f.Write(b)
	for _, step := range []func() error{
		f.Sync, f.Close,
		func() error { return os.Rename(f.Name(), r.file(v.ID)) },
		r.sync,
	} {
		if err == nil {
			err = step()
		}
	}
	return errors.WithStack(err)
}

// sync makes the directory's entries durable.
func (r *records) sync() error {
	d, err := os.Open(r.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (r *records) get(id string) (v volume, found bool, err error) {
	b, err := os.ReadFile(r.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return volume{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err == nil, errors.WithStack(err)
}

func (r *records) remove(id string) error {
	err := os.Remove(r.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = r.sync()
	}
	return errors.WithStack(err)
}

// owner is the remediate.Owner: a LU is ours if a record says so. A record that
// cannot be read is an error, so that nobody takes its LU for a stranger's, and
// everything else is unknown: this driver does not know what others do here.
func (r *records) owner(_ context.Context, lu remediate.Subject) (remediate.Claim, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return remediate.Claim{}, errors.WithStack(err)
	}
	for _, e := range entries {
		name, isRecord := strings.CutSuffix(e.Name(), suffix)
		id, err := url.PathUnescape(strings.TrimPrefix(name, "v-"))
		if !isRecord || err != nil {
			continue
		}
		v, found, err := r.get(id)
		switch {
		case err != nil:
			return remediate.Claim{}, errors.WithMessagef(err, "record of volume %s", id)
		case found && v.WWID == lu.WWID:
			return remediate.Claim{Owner: remediate.Mine, Source: "the record of volume " + id}, nil
		}
	}
	return remediate.Claim{Source: "no record has it"}, nil
}
