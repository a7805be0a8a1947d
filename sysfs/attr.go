package sysfs

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	firstRead = 4 << 10  // an attribute is a page at most, a VPD page mostly less
	mostRead  = 64 << 20 // mountinfo of a host with many containers; beyond it, something is wrong
)

// readAll calls read until it returns nothing, appending to buf[:0]. The size
// that stat gives means nothing on sysfs and procfs, and a short read is no end.
func readAll(buf []byte, read func([]byte) (int, error)) ([]byte, error) {
	return readUntil(buf, read, func(int, int) bool { return false })
}

// readAttr is readAll for an attribute, whose value the kernel makes whole when
// it is first read (fs/kernfs/file.c): a read that leaves room has met its end.
// That saves every fourth system call.
func readAttr(buf []byte, read func([]byte) (int, error)) ([]byte, error) {
	return readUntil(buf, read, func(n, room int) bool { return n < room })
}

// readUntil reads until nothing comes, or ended says that nothing more will of n
// bytes that were read where there was room for more.
func readUntil(buf []byte, read func([]byte) (int, error), ended func(n, room int) bool) ([]byte, error) {
	buf = slices.Grow(buf[:0], firstRead)
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, len(buf))
		}
		room := cap(buf) - len(buf)
		n, err := read(buf[len(buf):cap(buf)])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return buf[:0], err
		case n <= 0:
			return buf, nil
		}
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > mostRead:
			return buf[:0], syscall.EFBIG
		case ended(n, room):
			return buf, nil
		}
	}
}

// An attrs reads the attributes of one directory, keeps the first error, and
// does nothing from then on. It is for one goroutine.
type attrs struct {
	dir dir
	buf []byte // read into, over and over
	err error
}

// scratch keeps the buffers that attributes are read into: a tree has ten
// thousands of devices, and each needs one for a moment.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// attrsOf returns the attributes of a directory, to be given back by free.
func attrsOf(d dir) attrs { return attrs{dir: d, buf: *scratch.Get().(*[]byte)} }

func (a *attrs) free() {
	buf := a.buf
	a.buf = nil
	scratch.Put(&buf)
}

// text returns an attribute without the newline that the kernel ends it with.
// Blanks stay: they may belong to a name.
func (a *attrs) text(name string) string {
	if a.err != nil {
		return ""
	}
	a.buf, a.err = a.dir.read(name, a.buf)
	return strings.TrimSuffix(string(a.buf), "\n")
}

// number returns an attribute that is a decimal number.
func (a *attrs) number(name string) uint64 {
	s := strings.TrimSpace(a.text(name))
	if a.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		a.err = pathError("parse", a.dir.join(name), badText("number", s))
	}
	return n
}

// flag returns an attribute that is 0 or 1.
func (a *attrs) flag(name string) bool { return a.number(name) != 0 }

// devNum returns an attribute that is a device number.
func (a *attrs) devNum(name string) DevNum {
	s := a.text(name)
	if a.err != nil {
		return DevNum{}
	}
	d, err := ParseDevNum(s)
	a.err = pathError("parse", a.dir.join(name), err)
	return d
}

// binary returns an attribute that not every device has, untrimmed; nil where
// it is not there or has no value.
func (a *attrs) binary(name string) []byte {
	if a.err != nil {
		return nil
	}
	a.buf, a.err = a.dir.read(name, a.buf)
	if a.err != nil || len(a.buf) == 0 {
		if noValue(a.err) {
			a.err = nil
		}
		return nil
	}
	return bytes.Clone(a.buf)
}

// optional returns an attribute that not every device has, as [attrs.text]
// does; "" where it is not there or has no value.
func (a *attrs) optional(name string) string {
	return strings.TrimSuffix(string(a.binary(name)), "\n")
}

// list returns the entries of a directory, sorted as [CompareNames] does; nil
// where it is empty.
func (a *attrs) list(name string) []string {
	if a.err != nil {
		return nil
	}
	var names []string
	names, a.err = list(a.dir, name)
	slices.SortFunc(names, CompareNames)
	return names
}

// living is list, with the devices that have gone apart: a map holds a disk, and so
// the link to it, until it gets another table.
func (a *attrs) living(links string) (there, gone []string) {
	for _, name := range a.list(links) {
		if a.dir.has(links + "/" + name + "/dev") {
			there = append(there, name)
		} else if _, err := a.dir.readlink(links + "/" + name); err == nil {
			gone = append(gone, name)
		}
	}
	return there, gone
}

func list(d dir, name string) ([]string, error) {
	sub, err := d.sub(name)
	if err != nil {
		return nil, err
	}
	defer sub.close()
	return sub.rest()
}

// noValue reports whether err, of reading an attribute, says that the device
// has none: it is not there, or (wwid ENXIO, vpd_pg80 and vpd_pg83 EINVAL of
// older kernels) it has no value.
func noValue(err error) bool {
	return absent(err) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EINVAL)
}
