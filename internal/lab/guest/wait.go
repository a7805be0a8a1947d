//go:build linux

package guest

import (
	"testing"
	"time"
)

// WaitFor looks until cond returns nil, every 50 ms, and ends the test after
// limit with what was waited for and the last of cond's errors.
func WaitFor(t testing.TB, what string, limit time.Duration, cond func() error) {
	t.Helper()
	if err := poll(limit, cond); err != nil {
		t.Fatalf("%s: not within %s: %v", what, limit, err)
	}
}

// Stays looks throughout d and ends the test as soon as cond returns an error.
func Stays(t testing.TB, what string, d time.Duration, cond func() error) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err := cond(); err != nil {
			t.Fatalf("%s: it did not stay so: %v", what, err)
		}
	}
}

func poll(limit time.Duration, cond func() error) error {
	end := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
