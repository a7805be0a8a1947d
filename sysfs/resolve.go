package sysfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// mostLinks is how many symbolic links are followed, as the kernel does.
const mostLinks = 40

// Resolve returns the number of the block device that a path of the host's
// leads to: "/dev/dm-12", "/dev/mapper/mpathb", a link below /dev/disk, or any
// other link to a node. Links, absolute ones too, are followed below the root
// and never lead out of it. The node is not opened.
//
// What is not there gives an error that matches [fs.ErrNotExist], and anything
// but a block device's node ENOTBLK.
func (f *FS) Resolve(ctx context.Context, host string) (DevNum, error) {
	return bounded(ctx, f, host, func() (DevNum, error) {
		real, err := f.follow(host)
		if err != nil {
			return DevNum{}, err
		}
		d, ok, err := blockNode(f.Path(real))
		if err != nil || ok {
			return d, err
		}
		if !f.live {
			d = f.named(path.Base(real))
		}
		if d.IsZero() {
			err = &fs.PathError{Op: "resolve", Path: f.Path(real), Err: syscall.ENOTBLK}
		}
		return d, err
	})
}

// follow returns the host's path behind all symbolic links.
func (f *FS) follow(host string) (string, error) {
	at, rest := "/", strings.Split(host, "/")
	for links := 0; len(rest) > 0; {
		next := rest[0]
		rest = rest[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		p := path.Join(at, next)
		text, err := os.Readlink(f.Path(p))
		switch {
		case errors.Is(err, syscall.EINVAL): // no link
			at = p
			continue
		case err != nil:
			return "", pathError("readlink", f.Path(p), err)
		}
		if links++; links > mostLinks {
			return "", &fs.PathError{Op: "resolve", Path: f.Path(host), Err: syscall.ELOOP}
		}
		text = filepath.ToSlash(text)
		if path.IsAbs(text) {
			at = "/"
		}
		rest = append(strings.Split(text, "/"), rest...)
	}
	return at, nil
}
