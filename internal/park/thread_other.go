//go:build !linux

package park

// stay does nothing: only Linux tells where a thread sleeps.
func stay() (thread int, leave func()) { return 0, func() {} }

func sleeping(int) string { return "" }

// WChan is "": only Linux tells.
func WChan(string) string { return "" }
