//go:build !linux

package blockprobe

import "syscall"

// lost knows the errnos that every system has, for simulated hosts.
func lost(errno syscall.Errno) bool {
	switch errno {
	case syscall.EIO, syscall.ENXIO, syscall.ENODEV, syscall.ETIMEDOUT:
		return true
	}
	return false
}
