package sysfs

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A SCSI disk has a second node, a character device by which any command can be
// sent to it: /dev/sg3 of the driver sg, and /dev/bsg/2:0:0:1. A virtual machine
// may have a disk by nothing else.
const (
	genericMajor = 21 // of sg, SCSI_GENERIC_MAJOR in the kernel's linux/major.h
	bsgDir       = "/" + devDir + "/bsg/"
)

// diskNode returns the number of the block device that file, followed, is a node
// of, or the generic node of; false if it is anything else. link is the file's
// path as its process sees it.
func (f *FS) diskNode(file, link string) (DevNum, bool, error) {
	d, kind, err := nodeOf(file)
	switch {
	case err != nil || kind == blockDevice:
		return d, err == nil, err
	case kind == charDevice && (d.Major == genericMajor || strings.HasPrefix(link, bsgDir)):
		return f.behindGeneric(f.Path(sysDir, "dev/char", d.String()))
	}
	return DevNum{}, false, nil
}

// genericNamed is diskNode in a tree without a kernel behind it: by the name.
func (f *FS) genericNamed(link string) (DevNum, bool, error) {
	class := "class/scsi_generic"
	if strings.HasPrefix(link, bsgDir) {
		class = "class/bsg"
	}
	return f.behindGeneric(f.Path(sysDir, class, path.Base(strings.TrimSuffix(link, deleted))))
}

// behindGeneric returns the number of the disk that a generic device, by its
// directory in sysfs, belongs to. What is no disk, and what has gone, has none.
func (f *FS) behindGeneric(dir string) (DevNum, bool, error) {
	d, err := openDir(filepath.Join(dir, "device", "block"))
	if absent(err) {
		return DevNum{}, false, nil
	}
	if err != nil {
		return DevNum{}, false, err
	}
	defer d.close()
	names, err := d.names()
	if err != nil || len(names) == 0 {
		return DevNum{}, false, err
	}
	a := attrs{dir: d}
	devt := a.devNum(slices.Min(names) + "/dev")
	return devt, a.err == nil, a.err
}
