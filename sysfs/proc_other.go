//go:build !linux

package sysfs

import "os"

// isProc is false: there is no procfs but on Linux.
func isProc(string) bool { return false }

// blockNode finds no block device: the numbers of another system's nodes are
// not Linux's.
func blockNode(path string) (DevNum, bool, error) {
	_, err := os.Stat(path)
	return DevNum{}, false, pathError("stat", path, err)
}
