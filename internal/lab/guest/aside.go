//go:build linux && amd64

package guest

import (
	"runtime"
	"syscall"
)

// Aside does what the scenario itself does in the midst of what the library does:
// [TracedSelf] does not hold it against the library. It stays on one thread, which tells
// the watcher by two removals of what there is not.
func Aside(do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = syscall.Unlink(asideFrom)
	defer func() { _ = syscall.Unlink(asideTo) }()
	do()
}

const asideFrom, asideTo = "/nowhere/aside", "/nowhere/back"
