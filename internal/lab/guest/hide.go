//go:build linux

package guest

import (
	"os"
	"os/exec"
	"testing"
)

// Hide takes programs off the guest, wherever PATH finds them, as on a host
// that never had them installed. restore puts them back, for the oracles.
func Hide(t testing.TB, names ...string) (restore func()) {
	t.Helper()
	const suffix = ".hidden"
	var hidden []string
	for _, n := range names {
		for {
			path, err := exec.LookPath(n)
			if err != nil {
				break
			}
			if err := os.Rename(path, path+suffix); err != nil {
				t.Fatal(err)
			}
			hidden = append(hidden, path)
		}
	}
	return func() {
		t.Helper()
		for _, path := range hidden {
			if err := os.Rename(path+suffix, path); err != nil {
				t.Fatal(err)
			}
		}
	}
}
