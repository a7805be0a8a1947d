package sysfs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A thread is the one that a call is made on which may not come back.
type thread struct{ id atomic.Int64 }

// hold keeps the calling goroutine on its thread until release.
func (t *thread) hold() (release func()) {
	runtime.LockOSThread()
	t.id.Store(int64(threadID()))
	return runtime.UnlockOSThread
}

// explain adds to the error of a stuck call where in the kernel it sleeps, from
// /proc/self/task/TID/wchan.
func (t *thread) explain(err error) error {
	var stuck *park.StuckError
	id := t.id.Load()
	if id == 0 || !errors.As(err, &stuck) {
		return err
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/wchan", id))
	if where := strings.TrimSpace(string(text)); where != "" && where != "0" {
		return fmt.Errorf("it sleeps in %s: %w", where, err)
	}
	return err
}
