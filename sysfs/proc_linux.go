package sysfs

import "syscall"

// procMagic is PROC_SUPER_MAGIC of <linux/magic.h>.
const procMagic = 0x9fa0

// isProc reports whether path is on a procfs.
func isProc(path string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(path, &st) == nil && int64(st.Type) == procMagic
}

// blockNode returns the number of the block device that path, followed, is a
// node of, and false if it is anything else.
func blockNode(path string) (DevNum, bool, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return DevNum{}, false, pathError("stat", path, err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFBLK {
		return DevNum{}, false, nil
	}
	return devNumOf(uint64(st.Rdev)), true, nil
}
