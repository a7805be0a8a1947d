//go:build linux

package guest

import (
	"os"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ioctls of the md driver (<linux/raid/md_u.h>); guests have no mdadm.
const (
	mdSetArray = 0x40480923
	mdAddDisk  = 0x40140921
	mdRun      = 0x400c0930
	mdStop     = 0x932
)

// Mirror makes the md array /dev/md<number>, a mirror of one device that keeps
// no superblock. stop takes it down, as the end of the test does.
func Mirror(t testing.TB, number, device string) (stop func()) {
	t.Helper()
	Modprobe(t, "md-mod", "raid1")
	Write(t, "/sys/module/md_mod/parameters/new_array", "md"+number)
	node := "/dev/md" + number
	WaitFor(t, node, settled, func() error { _, err := os.Stat(node); return err })
	var st syscall.Stat_t
	if err := syscall.Stat(dev(device), &st); err != nil {
		t.Fatal(err)
	}
	array := [18]int32{4: 1, 6: 1, 7: 1, 9: 1, 12: 1, 13: 1} // level, disks, raid disks, not persistent, active, working
	disk := [5]int32{1: int32(unix.Major(st.Rdev)), 2: int32(unix.Minor(st.Rdev)), 4: 1<<1 | 1<<2}
	md(t, node, mdSetArray, unsafe.Pointer(&array))
	md(t, node, mdAddDisk, unsafe.Pointer(&disk))
	md(t, node, mdRun, unsafe.Pointer(&[3]int32{}))
	Udev(t)
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			md(t, node, mdStop, nil)
		}
	}
	t.Cleanup(stop)
	return stop
}

func md(t testing.TB, node string, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	WaitFor(t, "md takes an order", settled, func() error {
		f, err := os.OpenFile(node, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
			return os.NewSyscallError("ioctl", errno)
		}
		return nil
	})
}
