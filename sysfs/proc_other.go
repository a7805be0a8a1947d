//go:build !linux

package sysfs

import (
	"errors"
	"os"
)

// sharesFile tells nothing: there is no kcmp but on Linux.
func sharesFile(int, int, int, int) (same, told bool) { return false, false }

// sharesFiles tells nothing, either.
func sharesFiles(int, int) (same, told bool) { return false, false }

// isProc is false: there is no procfs but on Linux.
func isProc(string) bool { return false }

// nodeOf finds no device: the numbers of another system's nodes are not Linux's.
func nodeOf(path string) (DevNum, nodeKind, error) {
	_, err := os.Stat(path)
	return DevNum{}, noDevice, pathError("stat", path, err)
}

// mountInfoInside fails: there are no mount namespaces but on Linux.
func (f *FS) mountInfoInside(_ uint64, path string) ([]byte, error) {
	return nil, pathError("enter", path, errors.ErrUnsupported)
}

// loopStatus fails: there are no loop devices but on Linux.
func loopStatus(node string) (over, on DevNum, err error) {
	return DevNum{}, DevNum{}, pathError("ioctl", node, errors.ErrUnsupported)
}
