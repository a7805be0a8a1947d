//go:build !linux

package sysfs

import (
	"io"
	"os"
	"path/filepath"
)

// A dir is a directory held open; every name is looked up relative to it, so
// that it stays the same directory when another one takes its path. See
// dir_linux.go; here it serves trees without a kernel behind them.
type dir struct {
	root *os.Root
	path string
}

func openDir(path string) (dir, error) {
	root, err := os.OpenRoot(path)
	return dir{root: root, path: path}, pathError("open", path, err)
}

func (d dir) sub(name string) (dir, error) { return openDir(filepath.Join(d.path, name)) }

func (d dir) close() { d.root.Close() }

func (d dir) read(name string, buf []byte) ([]byte, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return buf[:0], pathError("open", d.join(name), err)
	}
	defer f.Close()
	out, err := readAttr(buf, zeroAtEOF(f))
	return out, pathError("read", d.join(name), err)
}

func (d dir) openWrite(name string) (*os.File, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY, 0)
	return f, pathError("open", d.join(name), err)
}

func (d dir) names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, pathError("open", d.path, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, pathError("readdir", d.path, err)
}

func (d dir) rest() ([]string, error) { return d.names() }

func (d dir) readlink(name string) (string, error) {
	text, err := d.root.Readlink(name)
	return filepath.ToSlash(text), pathError("readlink", d.join(name), err)
}

// has reports whether there is a file in d, symbolic links followed. Where that
// cannot be told, it is taken to be there.
func (d dir) has(name string) bool {
	_, err := os.Stat(d.join(name))
	return !absent(err)
}

func (d dir) join(name string) string { return filepath.Join(d.path, name) }

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	defer f.Close()
	out, err := readAll(nil, zeroAtEOF(f))
	return out, pathError("read", path, err)
}

// zeroAtEOF reads from f as read(2) does: 0 bytes, and no error, at the end.
func zeroAtEOF(f *os.File) func([]byte) (int, error) {
	return func(p []byte) (int, error) {
		n, err := f.Read(p)
		if err == io.EOF {
			err = nil
		}
		return n, err
	}
}
