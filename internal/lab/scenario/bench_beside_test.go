//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// What a sweep of 60 maps costs those that are healthy: the latency of direct
// reads of one of them, while nothing else goes on and while it runs.
func TestBenchBeside(t *testing.T) {
	const lost = 60
	b := newBench(t, 4, 4+lost, guest.Conf{})
	maps := b.lose(t)
	m := b.Map(t, 0)
	alone := latencies(t, m.Dev(), time.After(5*time.Second))
	done := make(chan time.Time)
	go func() {
		defer close(done)
		sweepAll(t, maps)
	}()
	beside := latencies(t, m.Dev(), done)
	b.expectNothingLeft(t, "sweep", maps)
	rows := ratios(t)
	for _, p := range []int{50, 99} {
		rows.Row(fmt.Sprintf("p%d of direct reads of a healthy map while 60 others are swept", p), "the same while nothing goes on",
			ratio(quantile(beside, p), quantile(alone, p)), "every read was good")
	}
	t.Logf("alone %d reads, beside %d", len(alone), len(beside))
}

// latencies reads 4 KiB after 4 KiB past the page cache, a little apart, until
// told to stop.
func latencies(t *testing.T, device string, stop <-chan time.Time) []time.Duration {
	t.Helper()
	f, err := os.OpenFile(device, os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := alignedBlock()
	var out []time.Duration
	for i := int64(0); ; i++ {
		out = append(out, timed(func() {
			if _, err := f.ReadAt(buf, i%1024*int64(len(buf))); err != nil {
				t.Fatalf("read %s: %v", device, err)
			}
		}))
		select {
		case <-stop:
			slices.Sort(out)
			return out
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// alignedBlock is 4 KiB where direct I/O wants them.
func alignedBlock() []byte {
	const size = 4096
	b := make([]byte, 2*size)
	off := size - int(uintptr(unsafe.Pointer(&b[0]))%size)
	return b[off : off+size]
}

func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}
