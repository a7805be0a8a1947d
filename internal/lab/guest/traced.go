//go:build linux && amd64

package guest

import (
	"encoding/binary"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TracedSelf begins to trace what the scenario does with the library in its own process.
// What it returns ends that, and tells what was done meanwhile, and which disks anybody
// had open for writing: what the scenario does beside the library, it must do [Aside].
func TracedSelf(t testing.TB) func() Trace { t.Helper(); return Traced(t, scenarioFile) }

// Traced is the same for a program of the payload, however many of it run.
func Traced(t testing.TB, program string) func() Trace {
	t.Helper()
	log, err := os.Open(watched(t))
	if err != nil {
		t.Fatal(err)
	}
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	opened := openedForWriting(t)
	return func() Trace {
		t.Helper()
		defer log.Close()
		tr, err := readTrace(io.NewSectionReader(log, 0, 1<<40), from, program)
		if err != nil {
			t.Fatalf("%s: %v", log.Name(), err)
		}
		tr.Deeds = append(tr.Deeds, opened()...)
		return tr
	}
}

// SweepTraced is [Sweep], and tells what the command did, and which disks anybody had
// open for writing meanwhile.
func SweepTraced(t testing.TB, limit time.Duration, args ...string) (Result, Trace) {
	t.Helper()
	trace := Traced(t, "sweep")
	r := Sweep(t, limit, args...)
	return r, trace()
}

// SweepTraced is [Container.Sweep], and tells the same.
func (c Container) SweepTraced(t testing.TB, limit time.Duration, args ...string) (Result, Trace) {
	t.Helper()
	trace := Traced(t, "sweep")
	r := c.Sweep(t, limit, args...)
	return r, trace()
}

// openedForWriting begins to watch /dev. What it returns ends that, and tells
// each disk and map, new ones included, on which a file was closed that was open
// for writing, whoever's it was.
func openedForWriting(t testing.TB) func() []Deed {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err == nil {
		_, err = syscall.InotifyAddWatch(fd, "/dev", syscall.IN_CLOSE_WRITE)
	}
	if _, none := os.Stat("/dev/bsg"); err == nil && none == nil {
		_, err = syscall.InotifyAddWatch(fd, "/dev/bsg", syscall.IN_CLOSE_WRITE)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() []Deed {
		defer syscall.Close(fd)
		var out []Deed
		for _, name := range closedIn(fd) {
			out = append(out, Deed{What: "open", On: "/dev/" + name, Said: "for writing"})
		}
		return out
	}
}

// closedIn reads the names of disks and maps out of inotify's events: a header
// of 16 bytes, whose last four are the length of the name that follows.
func closedIn(fd int) []string {
	const header = syscall.SizeofInotifyEvent
	var names []string
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if err != nil || n < header {
			return names
		}
		for b := buf[:n]; len(b) >= header; {
			end := header + int(binary.NativeEndian.Uint32(b[header-4:]))
			name := strings.TrimRight(string(b[header:end]), "\x00")
			if isDiskNode(name) {
				names = append(names, name)
			}
			b = b[end:]
		}
	}
}
