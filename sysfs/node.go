package sysfs

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// deleted is what the kernel puts behind the path of a file whose name is gone.
const deleted = " (deleted)"

// A nodeKind is what kind of device a file is a node of.
type nodeKind uint8

const (
	noDevice nodeKind = iota
	blockDevice
	charDevice
)

// StatNode calls stat(2) for a disk's node, <root>/dev/<name>: an error that matches
// [fs.ErrNotExist] says that it is not there, as in a container without the host's /dev.
func (f *FS) StatNode(ctx context.Context, name string) error {
	_, err := bounded(ctx, f, "the node of "+name, func() (os.FileInfo, error) { return os.Stat(f.Path(devDir, name)) })
	return err
}

// blockNode returns the number of the block device that path, followed, is a
// node of, and false if it is anything else.
func blockNode(path string) (DevNum, bool, error) {
	d, kind, err := nodeOf(path)
	if kind != blockDevice {
		return DevNum{}, false, err
	}
	return d, true, nil
}

// node returns the number of the block device that a host's path names, zero if
// it cannot be told: by its node, and where there is none (in a tree without a
// kernel behind it) by its name.
func (f *FS) node(host string) DevNum {
	host = strings.TrimSuffix(host, deleted)
	p := f.Path(host)
	if d, ok, err := blockNode(p); err == nil && ok {
		return d
	}
	if real, err := filepath.EvalSymlinks(p); err == nil {
		host = filepath.ToSlash(real)
	}
	return f.named(path.Base(host))
}

// named returns the number of the disk or partition with a kernel name, zero if
// there is none: from /sys/class/block/<name>/dev, or from /sys/block, where a
// partition is below its disk.
func (f *FS) named(name string) DevNum {
	if component("open", name) != nil {
		return DevNum{}
	}
	disk := strings.TrimRight(name, digits)
	for _, p := range [...]string{
		f.Path(sysDir, classBlockDir, name, "dev"),
		f.Path(sysDir, blockDir, name, "dev"),
		f.Path(sysDir, blockDir, disk, name, "dev"),
		f.Path(sysDir, blockDir, strings.TrimSuffix(disk, "p"), name, "dev"),
	} {
		if text, err := readFile(p); err == nil {
			d, _ := ParseDevNum(strings.TrimSpace(string(text)))
			return d
		}
	}
	return DevNum{}
}
