package sysfs

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountInfoInside reads the mountinfo of the mount namespace ns, which the file
// at path stands for and no process need be in: a thread of this process enters
// it, and ends there. No path inside is looked up but its root.
//
// Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT, in the namespace's user namespace too.
func (f *FS) mountInfoInside(ns uint64, path string) ([]byte, error) {
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, pathError("open", path, err)
	}
	defer syscall.Close(fd)
	var text []byte
	onLostThread(func() { text, err = f.enter(fd, ns) })
	return text, pathError("enter", path, err)
}

// enter takes the calling thread into a namespace for good, and reads what is
// mounted there. The thread's own directory is opened before, for the namespace
// need not have a /proc.
func (f *FS) enter(fd int, ns uint64) ([]byte, error) {
	self, err := openDir(f.Path(procDir, "thread-self"))
	if err != nil {
		return nil, err
	}
	defer self.close()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return nil, os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNS); err != nil {
		return nil, os.NewSyscallError("setns", err)
	}
	link, err := self.readlink("ns/mnt")
	if err != nil {
		return nil, err
	}
	if got, err := parseNamespace(link); err != nil || got != ns {
		return nil, badText("mount namespace", link)
	}
	mountinfo, err := self.openat("mountinfo", syscall.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(mountinfo)
	return readAll(nil, func(p []byte) (int, error) { return syscall.Read(mountinfo, p) }) // a page at a time, and no line of it in part
}

// onLostThread calls fn on a thread that ends with it. The process's first
// thread cannot end: where the runtime offers that one, it waits beside.
func onLostThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without its counterpart the thread ends with the goroutine
		if syscall.Gettid() == syscall.Getpid() {
			onLostThread(fn)
			runtime.UnlockOSThread()
			return
		}
		fn()
	}()
	<-done
}
