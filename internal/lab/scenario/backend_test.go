//go:build lab && linux

package scenario

import (
	"os/exec"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// The runbook's case over multipathd's socket: a map that fails and one that queues.
func TestBackendSocket(t *testing.T) { testBackend(t, "socket", "socket") }

// The runbook's case by the programs multipath and multipathd.
func TestBackendCommand(t *testing.T) { testBackend(t, "command", "command") }

// The runbook's case where nobody says how to speak to multipathd: its socket is
// taken.
func TestBackendAuto(t *testing.T) { testBackend(t, "auto", "socket") }

// The runbook's case by the kernel alone, beside a multipathd that runs and is not
// told: it switches queueing on again whenever it sees it off.
func TestBackendDM(t *testing.T) { testBackend(t, "dm", "dm") }

func testBackend(t *testing.T, backend, speaks string) {
	m := newMixed(t)
	m.lose(t)
	m.sweep(t, backend, speaks)
	m.expectCleared(t)
}

// A host whose multipathd is stopped, and whose multipath-tools are gone: the
// kernel and sysfs are enough.
func TestBackendDMAlone(t *testing.T) { testAlone(t, "dm") }

// A host whose multipathd is stopped, and whose multipath-tools are gone, of which
// nobody has told the library.
func TestBackendAutoAlone(t *testing.T) { testAlone(t, "auto") }

func testAlone(t *testing.T, backend string) {
	m := newMixed(t)
	m.daemon.Stop(t)
	restore := guest.Hide(t, "multipath", "multipathd")
	if path, err := exec.LookPath("multipath"); err == nil {
		t.Fatalf("there still is %s", path)
	}
	m.d.VanishLUNs(t, 2)
	m.sweep(t, backend, "dm")
	restore()
	m.expectCleared(t)
}
