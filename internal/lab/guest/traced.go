//go:build linux && amd64

package guest

import (
	"io"
	"os"
	"testing"
	"time"
)

// TracedSelf begins to trace what the scenario does with the library in its own process.
// What it returns ends that, and tells what was done meanwhile: what the scenario does
// beside the library, it must do [Aside].
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
	return func() Trace {
		t.Helper()
		defer log.Close()
		tr, err := readTrace(io.NewSectionReader(log, 0, 1<<40), from, program)
		if err != nil {
			t.Fatalf("%s: %v", log.Name(), err)
		}
		return tr
	}
}

// SweepTraced is [Sweep], and tells what the command did.
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
