package sysfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/park"
)

// The two trees, relative to the root of an [FS].
const (
	sysDir  = "sys"
	procDir = "proc"
	devDir  = "dev"
)

// An FS is one host's /sys, /proc and /dev under a root. Make it with [New]. It
// is safe for concurrent use.
type FS struct {
	root   string
	live   bool // <root>/proc is a procfs, whose links lead to open files
	write  func(f *os.File, data []byte) error
	writes *park.Lot // writes to attributes
	scans  *park.Lot // reads, of one file or of a whole tree

	// Reads of one process each, within a scan: what hangs of one kind must not keep
	// the others from being read.
	files, maps, mounts *park.Lot

	unsure sync.Mutex // held while a file on an unknown mount is looked at
}

// An Option changes how an [FS] works.
type Option func(*FS)

// WithWrite replaces the write(2) to an attribute. The attribute's real file is
// opened all the same and handed to fn, which does what the kernel would do: it
// is for simulated hosts. An error of fn is returned as a write error of that
// attribute.
func WithWrite(fn func(f *os.File, data []byte) error) Option {
	return func(f *FS) { f.write = fn }
}

// New returns the FS of the host whose file system is at root: "/", or where it
// is mounted in a container. It reads nothing but checks that <root>/sys is a
// directory.
func New(root string, opts ...Option) (*FS, error) {
	if root == "" {
		return nil, &fs.PathError{Op: "open", Path: root, Err: fs.ErrInvalid}
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	f := &FS{root: root, write: writeAttr, writes: park.New(0, nil), scans: park.New(0, nil)}
	f.files, f.maps, f.mounts = park.New(0, nil), park.New(0, nil), park.New(0, nil)
	for _, o := range opts {
		o(f)
	}
	info, err := os.Stat(f.Path(sysDir))
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: f.Path(sysDir), Err: syscall.ENOTDIR}
	}
	f.live = isProc(f.Path(procDir))
	return f, nil
}

// Path returns where the host's path made of elem is found from here:
// f.Path("dev", "dm-12") is "/host/dev/dm-12". It never leads out of the root by
// "..", but follows no symbolic link either.
func (f *FS) Path(elem ...string) string {
	return filepath.Join(f.root, filepath.Join("/", filepath.Join(elem...)))
}

// writeAttr writes data in one write(2), as an attribute wants it.
func writeAttr(f *os.File, data []byte) error {
	_, err := f.Write(data)
	return err
}

// component reports an error unless name is one path element, so that no name
// that a caller got from somewhere can lead elsewhere.
func component(op, name string) error {
	if name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

// absent reports whether err says that something is not there or not any more.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
