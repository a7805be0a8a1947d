package park

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// stay keeps the calling goroutine on its thread until leave is called, and
// returns that thread's number, so that it can be told where a call sleeps.
func stay() (thread int, leave func()) {
	runtime.LockOSThread()
	return syscall.Gettid(), runtime.UnlockOSThread
}

// sleeping returns the kernel function that a thread of this process sleeps in,
// from /proc/self/task/<thread>/wchan; "" where it does not, or may not be seen.
func sleeping(thread int) string {
	return WChan("self/task/" + strconv.Itoa(thread))
}

// WChan returns the kernel function that a process or thread sleeps in, from
// /proc/<of>/wchan; "" where it does not, or may not be seen, or only waits for
// another thread of its own process.
func WChan(of string) string {
	text, err := os.ReadFile("/proc/" + of + "/wchan")
	if w := strings.TrimSpace(string(text)); err == nil && w != "0" && !strings.HasPrefix(w, "futex_") {
		return w
	}
	return ""
}
