package sysfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// BootID returns the random id of this boot, from
// /proc/sys/kernel/random/boot_id. Device numbers, names and disk sequence
// numbers mean something within one boot only.
func (f *FS) BootID(ctx context.Context) (string, error) {
	return f.line(ctx, "sys/kernel/random/boot_id")
}

// initUTS is the inode of the kernel's first UTS namespace (PROC_UTS_INIT_INO).
const initUTS = "uts:[4026531838]"

// Hostname returns the host's name, from /proc/sys/kernel/hostname. Read in a
// container with a UTS namespace of its own, that is the container's: there the
// root's /etc/hostname goes before it, if there is one.
func (f *FS) Hostname(ctx context.Context) (string, error) {
	if link, err := f.link(ctx, "self/ns/uts"); err == nil && link != initUTS {
		text, err := bounded(ctx, f, "hostname", func() ([]byte, error) { return readFile(f.Path("etc", "hostname")) })
		if name := strings.TrimSpace(string(text)); err == nil && name != "" {
			return name, nil
		}
	}
	return f.line(ctx, "sys/kernel/hostname")
}

// Writable returns an error that matches syscall.EROFS where the root's /sys is
// mounted read-only, from statfs(2), as containers without privilege have it.
// Whether an attribute may be written is its own mode's to say.
func (f *FS) Writable(ctx context.Context) error {
	readOnly, err := bounded(ctx, f, "the mount of /sys", func() (bool, error) { return readOnly(f.Path(sysDir)) })
	if err == nil && readOnly {
		err = pathError("write", f.Path(sysDir), syscall.EROFS)
	}
	return err
}

// line reads a file of /proc that is one line.
func (f *FS) line(ctx context.Context, name string) (string, error) {
	return bounded(ctx, f, name, func() (string, error) {
		text, err := readFile(f.Path(procDir, name))
		return strings.TrimSpace(string(text)), err
	})
}

// link returns the text of a symbolic link in /proc.
func (f *FS) link(ctx context.Context, name string) (string, error) {
	return bounded(ctx, f, "the link "+name, func() (string, error) { return os.Readlink(f.Path(procDir, name)) })
}

// initPIDs is the inode of the kernel's first pid namespace
// (PROC_PID_INIT_INO in include/linux/proc_ns.h).
const initPIDs = "pid:[4026531836]"

// SeesAllProcesses reports whether the root's /proc shows the processes of the
// whole host, from /proc/1/ns/pid. In a container with a pid namespace of its
// own it shows that container's only, unless the host's /proc is under the root.
// A tree of files without that link is taken for whole.
func (f *FS) SeesAllProcesses(ctx context.Context) (bool, error) {
	link, err := f.link(ctx, "1/ns/pid")
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return link == initPIDs, err
}

// Self returns this process's id in the root's /proc, from /proc/self, which
// differs from os.Getpid in a container that has the host's /proc under its
// root. It is 0 where /proc does not show this process.
func (f *FS) Self(ctx context.Context) int {
	link, err := f.link(ctx, "self")
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(link)
	if err != nil {
		return 0
	}
	return pid
}
