package sysfs

import "syscall"

// stReadOnly is ST_RDONLY of statfs(2), which a bind mount sets for itself alone.
const stReadOnly = 0x1

func readOnly(path string) (bool, error) {
	var st syscall.Statfs_t
	_, err := retry(func() (int, error) { return 0, syscall.Statfs(path, &st) })
	return st.Flags&stReadOnly != 0, pathError("statfs", path, err)
}
