//go:build linux

package guest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A Pattern is what a healthy LU holds and must go on holding.
type Pattern struct {
	device string
	sum    [sha256.Size]byte
}

// WritePattern fills a whole device with bytes that only this seed makes, past
// the page cache, and remembers their sum.
func WritePattern(t testing.TB, device string, seed uint64) Pattern {
	t.Helper()
	f := direct(t, device, os.O_RDWR)
	defer f.Close()
	buf := block()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 'l', 'a', 'b'})
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < size; at += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), size-at)]
		_, _ = random.Read(b)
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatalf("write a pattern to %s: %v", device, err)
		}
	}
	return Pattern{device: device, sum: sumOf(t, device)}
}

// Check reads the whole device, past the page cache, and ends the test when a
// byte has changed.
func (p Pattern) Check(t testing.TB) {
	t.Helper()
	if got := sumOf(t, p.device); got != p.sum {
		t.Fatalf("%s does not hold any more what it held: sum %x, was %x", p.device, got[:6], p.sum[:6])
	}
}

// Same reports whether another device, or this one under another name, holds
// the same.
func (p Pattern) Same(t testing.TB, device string) bool {
	t.Helper()
	return sumOf(t, device) == p.sum
}

func sumOf(t testing.TB, device string) [sha256.Size]byte {
	t.Helper()
	f := direct(t, device, os.O_RDONLY)
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, block()); err != nil {
		t.Fatalf("read %s: %v", device, err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func direct(t testing.TB, device string, mode int) *os.File {
	t.Helper()
	f, err := os.OpenFile(dev(device), mode|syscall.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// block is 1 MiB, aligned as O_DIRECT wants it.
func block() []byte { return Aligned(1 << 20) }

// Aligned is a buffer of this size, aligned as O_DIRECT wants it.
func Aligned(size int) []byte {
	const align = 4096
	b := make([]byte, size+align)
	skip := int(align-uintptr(unsafe.Pointer(&b[0]))%align) % align
	return b[skip : skip+size]
}

// A Canary reads a healthy device again and again while others are swept: what
// happens to the dead must not be felt by the living.
type Canary struct {
	device string
	stop   chan struct{}
	done   sync.WaitGroup

	mu    sync.Mutex
	reads int
	worst time.Duration
	err   error
}

// StartCanary begins to read the first 4 KiB of a device every 20 ms, past the
// page cache.
func StartCanary(t testing.TB, device string) *Canary {
	t.Helper()
	c := &Canary{device: device, stop: make(chan struct{})}
	f := direct(t, device, os.O_RDONLY)
	buf := block()[:4096]
	first := make([]byte, len(buf))
	if _, err := f.ReadAt(buf, 0); err != nil {
		t.Fatal(err)
	}
	copy(first, buf)
	c.done.Go(func() {
		defer f.Close()
		for {
			select {
			case <-c.stop:
				return
			case <-time.After(20 * time.Millisecond):
				c.read(f, buf, first)
			}
		}
	})
	t.Cleanup(c.end)
	return c
}

func (c *Canary) read(f *os.File, buf, want []byte) {
	start := time.Now()
	_, err := f.ReadAt(buf, 0)
	if err == nil && !bytes.Equal(buf, want) {
		err = fmt.Errorf("it reads something else than before")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	c.worst = max(c.worst, time.Since(start))
	if c.err == nil {
		c.err = err
	}
}

func (c *Canary) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.done.Wait()
}

// Check ends the canary, and the test where a read failed or took longer than
// worst.
func (c *Canary) Check(t testing.TB, worst time.Duration) {
	t.Helper()
	c.end()
	if c.err != nil {
		t.Fatalf("the canary on %s: %v", c.device, c.err)
	}
	if c.reads == 0 || c.worst > worst {
		t.Fatalf("the canary on %s: %d reads, the slowest took %s", c.device, c.reads, c.worst)
	}
}
