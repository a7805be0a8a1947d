//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readerVar makes this binary, started anew, a program that reads a device in one
// of these ways, is left hanging, and wants to exit all the same.
const readerVar = "LAB_READER"

// readers are the ways to read a device without being stopped by it.
var readers = map[string]func(node string){
	"thread":  func(node string) { go direct(node) },
	"disk":    func(node string) { go direct(node) },
	"uring":   uring,
	"aio":     aio,
	"process": child,
	"wait":    func(node string) { direct(node); os.Exit(0) },
}

func TestMain(m *testing.M) {
	read := readers[os.Getenv(readerVar)]
	if read == nil {
		os.Exit(m.Run())
	}
	read(os.Args[1])
	fmt.Println("reading")
	time.Sleep(time.Second)
	os.Exit(3)
}

// page is memory of its own for a direct read.
func page() []byte {
	b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(4)
	}
}

func openDirect(node string) int {
	fd, err := unix.Open(node, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	must(err)
	return fd
}

// direct is what package blockprobe does.
func direct(node string) {
	_, err := unix.Pread(openDirect(node), page(), 0)
	fmt.Println("read:", err)
}

// child leaves the read to a process of its own.
func child(node string) {
	cmd := exec.Command("/proc/self/exe", node)
	cmd.Env = []string{readerVar + "=wait"}
	must(cmd.Start())
}

// aio submits the read by io_submit(2).
func aio(node string) {
	var ctx uintptr
	must(call(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&ctx)), 0))
	buf := page()
	cb := struct {
		data          uint64
		key, rwFlags  uint32
		opcode, prio  uint16
		fd            uint32
		buf           uint64
		nbytes        uint64
		offset        int64
		_             uint64
		flags, eventf uint32
	}{opcode: 0, fd: uint32(openDirect(node)), buf: uint64(uintptr(unsafe.Pointer(&buf[0]))), nbytes: 4096}
	list := [1]unsafe.Pointer{unsafe.Pointer(&cb)}
	must(call(unix.SYS_IO_SUBMIT, ctx, 1, uintptr(unsafe.Pointer(&list[0]))))
}

// A uringEntry is struct io_uring_sqe, as far as a read needs it.
type uringEntry struct {
	opcode, flags uint8 // 22 is IORING_OP_READ
	prio          uint16
	fd            int32
	off, addr     uint64
	n             uint32
}

// uring submits the read by io_uring_enter(2).
func uring(node string) {
	var p [30]uint32 // struct io_uring_params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		must(errno)
	}
	ring, err := unix.Mmap(int(fd), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	must(err)
	sqes, err := unix.Mmap(int(fd), 0x10000000, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	must(err)
	buf := page()
	e := (*uringEntry)(unsafe.Pointer(&sqes[0]))
	*e = uringEntry{opcode: 22, fd: int32(openDirect(node)), addr: uint64(uintptr(unsafe.Pointer(&buf[0]))), n: uint32(len(buf))}
	const sqOff = 10 // words before sq_off: head, tail, mask, entries, flags, dropped, array
	*(*uint32)(unsafe.Pointer(&ring[p[sqOff+6]])) = 0
	*(*uint32)(unsafe.Pointer(&ring[p[sqOff+1]])) = 1
	must(call(unix.SYS_IO_URING_ENTER, fd, 1, 0, 0, 0, 0))
}

func call(nr uintptr, a ...uintptr) error {
	var arg [6]uintptr
	copy(arg[:], a)
	_, _, errno := unix.Syscall6(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5])
	if errno != 0 {
		return os.NewSyscallError(fmt.Sprint("call ", nr), errno)
	}
	return nil
}
