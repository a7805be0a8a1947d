package blockprobe

import "unsafe"

const (
	readSize = 1 << 20
	// alignment satisfies O_DIRECT on every block size up to a page, and keeps
	// the pages that the kernel writes to free of anything else.
	alignment = 64 << 10
)

// buffer is room for one read.
func buffer() []byte {
	b := make([]byte, readSize+alignment)
	off := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (alignment - 1)
	return b[off : off+readSize : off+readSize]
}
