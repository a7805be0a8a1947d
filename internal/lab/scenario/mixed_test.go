//go:build lab && linux

package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A mixed is the runbook's host with both kinds of maps: LUNs 0 and 2 fail
// without paths, 1 and 3 queue. 0 and 1 are in use and stay well, 2 and 3 get
// lost.
type mixed struct {
	d       *guest.Debug
	daemon  *guest.Multipathd
	maps    []guest.Map
	disks   []string // of LUNs 2 and 3
	pattern guest.Pattern
	canary  *guest.Canary
}

const (
	failing, queueing         = 0, 1
	lostFailing, lostQueueing = 2, 3
)

func newMixed(t *testing.T) *mixed { t.Helper(); return mixedNamed(t, true) }

// mixedNamed is newMixed, its maps named mpatha and so on, or by their WWIDs.
func mixedNamed(t *testing.T, friendly bool) *mixed {
	t.Helper()
	m := &mixed{d: guest.ScsiDebug(t, 2, 4)}
	c := guest.Conf{FriendlyNames: friendly, Defaults: []string{"queue_without_daemon yes"}, Extra: []string{"multipaths {"}}
	for _, lun := range []int{queueing, lostQueueing} {
		wwid := guest.UdevWWID(t, m.d.Disks(t, lun)[0])
		c.Extra = append(c.Extra, fmt.Sprintf("multipath {\nwwid %s\nno_path_retry queue\n}", wwid))
	}
	c.Extra = append(c.Extra, "}")
	m.daemon = guest.StartMultipathd(t, c)
	guest.WaitMaps(t, 4, 2)
	for lun := range 4 {
		m.maps = append(m.maps, m.d.Map(t, lun))
		if got, want := guest.Queueing(t, m.maps[lun].Name), lun%2 == 1; got != want {
			t.Fatalf("LUN %d queues: %v; multipath.conf is not what it should be", lun, got)
		}
	}
	m.disks = append(m.d.Disks(t, lostFailing), m.d.Disks(t, lostQueueing)...)
	m.pattern = guest.WritePattern(t, m.maps[failing].Dev(), 1)
	m.canary = guest.StartCanary(t, m.maps[queueing].Dev())
	return m
}

// lose takes LUNs 2 and 3 away and waits until their paths have failed.
func (m *mixed) lose(t *testing.T) {
	t.Helper()
	m.d.VanishLUNs(t, 2)
	guest.WaitFailed(t, m.maps[lostFailing])
	guest.WaitFailed(t, m.maps[lostQueueing])
}

func (m *mixed) wwids() []string {
	return []string{m.maps[lostFailing].WWID, m.maps[lostQueueing].WWID}
}

// expectCleared asks the oracles whether just the lost LUNs are gone.
func (m *mixed) expectCleared(t *testing.T) {
	t.Helper()
	expectGone(t, m.maps[lostFailing], m.disks...)
	expectGone(t, m.maps[lostQueueing], m.disks...)
	m.expectWell(t)
}

// expectWell asks them whether the healthy LUNs have not been touched.
func (m *mixed) expectWell(t *testing.T) {
	t.Helper()
	expectThere(t, m.maps[failing], 2)
	expectThere(t, m.maps[queueing], 2)
	if guest.Queueing(t, m.maps[failing].Name) || !guest.Queueing(t, m.maps[queueing].Name) {
		t.Errorf("the healthy maps do not queue as before: %s; %s",
			guest.DmsetupTable(t, m.maps[failing].Name), guest.DmsetupTable(t, m.maps[queueing].Name))
	}
	m.pattern.Check(t)
	m.canary.Check(t, 2*time.Second)
	expectNotStuck(t)
}

// sweep surveys, plans, executes and verifies by one backend.
func (m *mixed) sweep(t *testing.T, backend, speaks string) {
	t.Helper()
	s := newSweeper(t, remediate.WithBackend(backend))
	sv := survey(t, s)
	if sv.Backend != speaks {
		t.Errorf("%s is spoken to by %s", backend, sv.Backend)
	}
	if passed := backend == "auto" && speaks == "dm"; passed != (len(sv.PassedOver) == 2) {
		t.Errorf("%s says that it passed over %q", backend, sv.PassedOver)
	}
	p := plan(t, s, m.wwids()...)
	traced(t, p, remediate.Removed, []guest.Map{m.maps[failing], m.maps[queueing]}, "-backend", backend)
	for _, v := range verify(t, s, p.Targets...) {
		if !v.Gone {
			t.Errorf("verify: %s is said to remain: %v", v.WWID, v.Remains)
		}
	}
	plan(t, s) // nothing is left to do
}
