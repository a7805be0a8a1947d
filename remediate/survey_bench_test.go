package remediate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/remediate"
)

// BenchmarkSurvey surveys 64, 256 and 1,024 maps of 16 paths, one LU in ten
// lost, and reads the same files in a plain walk beside it: x-walk is the
// survey's time over the walk's, reads/disk the read(2)s of each, peak-MB the
// most memory that the process held meanwhile.
func BenchmarkSurvey(b *testing.B) {
	for _, maps := range []int{64, 256, 1024} {
		b.Run(fmt.Sprintf("disks=%d", maps*16), func(b *testing.B) { benchmarkSurvey(b, maps, 16) })
	}
}

func benchmarkSurvey(b *testing.B, maps, paths int) {
	h := newBigHost(b, maps, paths, 1000)
	s, err := remediate.New(remediate.WithSystem(h.system(b)), remediate.WithOwner(mine()))
	require.NoError(b, err)
	walk := newWalk(h)
	walk.run() // both find the files in the kernel's caches
	debug.FreeOSMemory()
	resetPeak()
	var walked, surveyed time.Duration
	var walkReads, surveyReads int64
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		begun, reads := time.Now(), readCalls()
		sv, err := s.Survey(b.Context())
		surveyed += time.Since(begun)
		surveyReads += readCalls() - reads
		require.NoError(b, err)
		require.Len(b, sv.Devices, maps)
		require.Len(b, sv.Residual(), maps/10)

		b.StopTimer()
		begun, reads = time.Now(), readCalls()
		walk.run()
		walked += time.Since(begun)
		walkReads += readCalls() - reads
		b.StartTimer()
	}
	b.StopTimer()
	disks := float64(maps * paths)
	n := float64(b.N)
	b.ReportMetric(float64(surveyed)/float64(walked), "x-walk")
	b.ReportMetric(float64(surveyed.Microseconds())/n/disks, "µs/disk")
	b.ReportMetric(float64(walked.Microseconds())/n/disks, "walk-µs/disk")
	b.ReportMetric(float64(surveyReads)/n/disks, "reads/disk")
	b.ReportMetric(float64(walkReads)/n/disks, "walk-reads/disk")
	b.ReportMetric(peak(), "peak-MB")
}

// resetPeak makes the kernel begin anew to note the most memory that is in use.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peak is VmHWM, in MB.
func peak() float64 { return procField("/proc/self/status", "VmHWM:") / 1024 }

// readCalls is how many read(2)s this process has made.
func readCalls() int64 { return int64(procField("/proc/self/io", "syscr:")) }

func procField(file, name string) float64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n
		}
	}
	return 0
}

// A walk reads what a survey has to read, and makes nothing of it: every
// attribute of every disk and map once, and every process's open files and
// mounts. It is the limit: openat(2), read(2) and getdents(2) into buffers that
// are used again, on as many threads as there are processors.
type walk struct {
	host *bigHost
}

func newWalk(h *bigHost) *walk { return &walk{host: h} }

func (w *walk) run() {
	for _, dir := range []string{"sys/block", "sys/bus/scsi/devices", "proc"} {
		root := filepath.Join(w.host.root, dir)
		top := opened(unix.AT_FDCWD, root, unix.O_DIRECTORY)
		names := listed(top, make([]byte, 64<<10))
		var wg sync.WaitGroup
		n := runtime.GOMAXPROCS(0)
		for i := range n {
			wg.Go(func() {
				buf := make([]byte, 64<<10)
				for _, name := range names[i*len(names)/n : (i+1)*len(names)/n] {
					w.device(top, dir, name, buf)
				}
			})
		}
		wg.Wait()
		unix.Close(top)
	}
}

func (w *walk) device(top int, dir, name string, buf []byte) {
	switch {
	case dir == "sys/block" && strings.HasPrefix(name, "dm-"):
		walkIn(top, name, buf, []string{"dev", "size", "ro", "diskseq", "dm/name", "dm/uuid", "dm/suspended"}, []string{".", "holders", "slaves"})
	case dir == "sys/block":
		walkIn(top, name, buf, []string{"dev", "size", "ro", "diskseq"}, []string{".", "holders", "slaves"})
	case dir == "sys/bus/scsi/devices":
		walkIn(top, name, buf, []string{"type", "vendor", "model", "rev", "wwid", "vpd_pg80", "vpd_pg83", "state"}, []string{"block"})
	case name[0] >= '0' && name[0] <= '9':
		for _, link := range []string{"ns/mnt", "root", "fd/0", "fd/1", "fd/2", "fd/3"} {
			_, _ = unix.Readlinkat(top, name+"/"+link, buf)
		}
		walkIn(top, name, buf, []string{"fdinfo/3"}, []string{"fd", "task"})
	}
}

func walkIn(top int, name string, buf []byte, files, dirs []string) {
	fd := opened(top, name, unix.O_DIRECTORY)
	defer unix.Close(fd)
	for _, f := range files {
		file := opened(fd, f, 0)
		for {
			if n, err := unix.Read(file, buf); n <= 0 || err != nil {
				break
			}
		}
		unix.Close(file)
	}
	for _, d := range dirs {
		sub := opened(fd, d, unix.O_DIRECTORY)
		listed(sub, buf)
		unix.Close(sub)
	}
}

func opened(at int, name string, flags int) int {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		panic(name + ": " + err.Error())
	}
	return fd
}

func listed(fd int, buf []byte) []string {
	var names []string
	for {
		n, err := unix.ReadDirent(fd, buf)
		if n <= 0 || err != nil {
			return names
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
