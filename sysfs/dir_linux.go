package sysfs

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// A dir is a directory held open; every name is looked up relative to it, so
// that it stays the same directory when another one takes its path.
//
// It speaks to the kernel directly: an os.File of an attribute would be put into
// the runtime's poller (attributes can be polled), which costs three more system
// calls for each, and waits for ever on a driver that answers EAGAIN.
//
// It may be used by several goroutines, but not closed meanwhile.
type dir struct {
	fd   int
	path string // for errors
}

// openDir opens the directory at path, symbolic links followed.
func openDir(path string) (dir, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	})
	return dir{fd: fd, path: path}, pathError("open", path, err)
}

// sub opens a directory in d, symbolic links followed.
func (d dir) sub(name string) (dir, error) {
	fd, err := d.openat(name, syscall.O_RDONLY|syscall.O_DIRECTORY)
	return dir{fd: fd, path: d.join(name)}, err
}

func (d dir) close() { syscall.Close(d.fd) }

// read returns the whole of an attribute in d, appended to buf[:0].
func (d dir) read(name string, buf []byte) ([]byte, error) {
	fd, err := d.openat(name, syscall.O_RDONLY)
	if err != nil {
		return buf[:0], err
	}
	defer syscall.Close(fd)
	out, err := readAttr(buf, func(p []byte) (int, error) { return syscall.Read(fd, p) })
	return out, pathError("read", d.join(name), err)
}

// openWrite opens an existing file in d for writing. It is no symbolic link.
func (d dir) openWrite(name string) (*os.File, error) {
	fd, err := d.openat(name, syscall.O_WRONLY|syscall.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), d.join(name)), nil
}

// names lists d, in no order, from its beginning at each call.
func (d dir) names() ([]string, error) {
	if _, err := syscall.Seek(d.fd, 0, 0); err != nil {
		return nil, pathError("readdir", d.path, err)
	}
	return d.rest()
}

// entries keeps the buffers that directories are listed into.
var entries = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// rest lists what has not been listed of d yet, in no order.
func (d dir) rest() ([]string, error) {
	room := entries.Get().(*[16 << 10]byte)
	defer entries.Put(room)
	buf := room[:]
	var out []string
	for {
		n, err := retry(func() (int, error) { return syscall.ReadDirent(d.fd, buf) })
		if err != nil || n <= 0 {
			return out, pathError("readdir", d.path, err)
		}
		_, _, out = syscall.ParseDirent(buf[:n], -1, out)
	}
}

// readlink returns the text of a symbolic link in d.
func (d dir) readlink(name string) (string, error) {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return "", pathError("readlink", d.join(name), err)
	}
	var buf [syscall.PathMax]byte
	n, _, errno := syscall.Syscall6(syscall.SYS_READLINKAT, uintptr(d.fd),
		uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return "", pathError("readlink", d.join(name), errno)
	}
	return string(buf[:n]), nil
}

// has reports whether there is a file in d, symbolic links followed. Where that
// cannot be told, it is taken to be there.
func (d dir) has(name string) bool {
	return !absent(syscall.Faccessat(d.fd, name, 0, 0))
}

func (d dir) openat(name string, flags int) (int, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Openat(d.fd, name, flags|syscall.O_CLOEXEC, 0)
	})
	return fd, pathError("open", d.join(name), err)
}

func (d dir) join(name string) string {
	if name == "." {
		return d.path
	}
	return strings.TrimSuffix(d.path, "/") + "/" + name
}

// readFile returns the whole of the file at path.
func readFile(path string) ([]byte, error) {
	fd, err := retry(func() (int, error) { return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, pathError("open", path, err)
	}
	defer syscall.Close(fd)
	out, err := readAll(nil, func(p []byte) (int, error) { return syscall.Read(fd, p) })
	return out, pathError("read", path, err)
}

// retry calls fn again while a signal interrupts it.
func retry(fn func() (int, error)) (int, error) {
	for {
		n, err := fn()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
