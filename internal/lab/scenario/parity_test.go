//go:build lab && linux

package scenario

import (
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/parity"
)

// Each of these is the scenario of that name of package parity, whose own test
// has the simulated host come to the same.

func TestParityUnmapped(t *testing.T)         { play(t, "unmapped") }
func TestParityUnmappedLUN0(t *testing.T)     { play(t, "unmapped LUN 0") }
func TestParityUnmappedQueueing(t *testing.T) { play(t, "unmapped queueing") }
func TestParityUnmappedHalf(t *testing.T)     { play(t, "unmapped from one target") }
func TestParityOpened(t *testing.T)           { play(t, "opened in the midst") }
func TestParityMounted(t *testing.T)          { play(t, "mounted") }
func TestParityReused(t *testing.T)           { play(t, "reused LUN") }
func TestParityReusedMounted(t *testing.T)    { play(t, "reused and mounted") }
func TestParityForeignPath(t *testing.T)      { play(t, "foreign path") }
func TestParityOutage(t *testing.T)           { play(t, "outage") }
func TestParityOnePortal(t *testing.T)        { play(t, "outage of one portal") }
func TestParityBare(t *testing.T)             { play(t, "bare disks") }
func TestParityEmptyMap(t *testing.T)         { play(t, "empty map") }
func TestParityDeleted(t *testing.T)          { play(t, "disks deleted by hand") }
func TestParityBack(t *testing.T)             { play(t, "mapped again") }
func TestParitySuspended(t *testing.T)        { play(t, "suspended") }
func TestParityPartitioned(t *testing.T)      { play(t, "partitioned") }
func TestParityLVM(t *testing.T)              { play(t, "LVM on it") }
func TestParityNotMine(t *testing.T)          { play(t, "somebody else's") }
func TestParityOneWWID(t *testing.T)          { play(t, "one WWID twice") }
func TestParitySlowDelete(t *testing.T)       { play(t, "slow delete") }

func play(t *testing.T, name string) {
	for _, s := range parity.Scenarios() {
		if s.Name == name {
			parity.Play(t, newReal(t, s), s)
			return
		}
	}
	t.Fatalf("there is no scenario %q", name)
}
