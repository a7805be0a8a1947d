package sysfs

import (
	"encoding/binary"
	"syscall"
	"unsafe"
)

// loopGetStatus is LOOP_GET_STATUS64 of <linux/loop.h>, which fills in a struct
// loop_info64 of 232 bytes: lo_device, lo_inode, lo_rdevice, …, eight bytes each.
const loopGetStatus = 0x4c05

// loopStatus asks the loop device at node what it stands over: over, a block
// device, or a file on the device on. Reads nothing of either.
func loopStatus(node string) (over, on DevNum, err error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(node, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return DevNum{}, DevNum{}, pathError("open", node, err)
	}
	defer syscall.Close(fd)
	var info [232]byte
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), loopGetStatus, uintptr(unsafe.Pointer(&info[0])))
	if errno != 0 {
		return DevNum{}, DevNum{}, pathError("ioctl", node, errno)
	}
	on = devNumOf(binary.NativeEndian.Uint64(info[0:]))
	over = devNumOf(binary.NativeEndian.Uint64(info[16:]))
	return over, on, nil
}
