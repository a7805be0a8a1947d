package lockdir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Dir is the directory. It holds nothing open.
type Dir struct {
	path string
	lot  *park.Lot
}

// New returns the directory at path, which the first [Dir.Lock] makes. Its
// parent must be there.
func New(path string) *Dir { return &Dir{path: path, lot: park.New(0, nil)} }

// errShared says that a directory is not its owner's alone.
var errShared = errors.New("is no directory that belongs to this user, or others may write to it")

// open opens the directory, and refuses one that could be somebody else's.
func (d *Dir) open() (*os.Root, error) {
	parent, err := os.OpenRoot(filepath.Dir(d.path))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	entry, err := parent.Lstat(filepath.Base(d.path))
	if err != nil {
		return nil, err
	}
	dir, err := parent.OpenRoot(filepath.Base(d.path))
	if err != nil {
		return nil, err
	}
	info, err := dir.Stat(".")
	if err == nil && (!os.SameFile(entry, info) || info.Mode().Perm()&0o022 != 0 || !own(info)) {
		err = &fs.PathError{Op: "use", Path: d.path, Err: errShared}
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// make opens the directory, which need not be there yet.
func (d *Dir) make() (*os.Root, error) {
	parent, err := os.OpenRoot(filepath.Dir(d.path))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	if err := parent.Mkdir(filepath.Base(d.path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return d.open()
}

// What a key's files are called: its digest and one of these.
const (
	lockSuffix  = ".lock"
	noteSuffix  = ".note"
	freshSuffix = ".fresh" // a note that is being written
)

func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// longestFile bounds what is read of a file.
const longestFile = 64 << 10

func read(dir *os.Root, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, longestFile))
}

// A Note is what a lock's holder has left beside it.
type Note struct {
	File string // where it is
	Text []byte
}

// Notes returns every note in the directory that is of no lock's holder now: who
// wrote it has ended without taking it away. A directory that is not there has
// none.
func (d *Dir) Notes(ctx context.Context) ([]Note, error) {
	return bounded(ctx, d, "read notes", d.notes)
}

func (d *Dir) notes() ([]Note, error) {
	dir, err := d.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []Note
	for _, e := range entries {
		of, isNote := strings.CutSuffix(e.Name(), noteSuffix)
		if !isNote || busy(dir, of+lockSuffix) {
			continue
		}
		b, err := read(dir, e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Note{filepath.Join(d.path, e.Name()), b})
	}
	return out, nil
}

// Tidy takes away what holders that were killed have left, but for their notes.
// What does not go stays: it is in nobody's way.
func (d *Dir) Tidy(ctx context.Context) {
	_, _ = bounded(ctx, d, "tidy", func() (struct{}, error) { d.tidy(); return struct{}{}, nil })
}

func (d *Dir) tidy() {
	dir, err := d.open()
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := fs.ReadDir(dir.FS(), ".")
	for _, e := range entries {
		suffix := filepath.Ext(e.Name())
		if suffix != lockSuffix && suffix != freshSuffix {
			continue
		}
		name := strings.TrimSuffix(e.Name(), suffix)
		f, err := take(dir, name+lockSuffix)
		if err != nil {
			continue
		}
		_ = dir.Remove(name + freshSuffix)
		_ = dir.Remove(name + lockSuffix)
		f.Close()
	}
}

// busy reports whether somebody holds the lock.
func busy(dir *os.Root, name string) bool {
	f, err := dir.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(flock(f, true), errHeld)
}
