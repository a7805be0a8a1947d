package sysfs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// procMagic is PROC_SUPER_MAGIC of <linux/magic.h>.
const procMagic = 0x9fa0

// kcmpFile and kcmpFiles are KCMP_FILE and KCMP_FILES of <linux/kcmp.h>.
const kcmpFile, kcmpFiles = 0, 2

// sharesFile asks by kcmp(2) whether the descriptors of two processes are of one open file.
func sharesFile(a, b, ofA, ofB int) (same, told bool) {
	r, _, errno := syscall.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpFile, uintptr(ofA), uintptr(ofB), 0)
	return r == 0, errno == 0
}

// sharesFiles asks by kcmp(2) whether two threads have one table of open files; told is
// false where the kernel does not say.
func sharesFiles(a, b int) (same, told bool) {
	r, _, errno := syscall.Syscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpFiles, 0, 0, 0)
	return r == 0, errno == 0
}

// isProc reports whether path is on a procfs.
func isProc(path string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(path, &st) == nil && int64(st.Type) == procMagic
}

// nodeOf returns the number of the device that path, followed, is a node of.
func nodeOf(path string) (DevNum, nodeKind, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return DevNum{}, noDevice, pathError("stat", path, err)
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFBLK:
		return devNumOf(uint64(st.Rdev)), blockDevice, nil
	case syscall.S_IFCHR:
		return devNumOf(uint64(st.Rdev)), charDevice, nil
	}
	return DevNum{}, noDevice, nil
}
