//go:build lab && linux

package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// twins is an array of two targets, each with a portal of its own, that show the
// same LUs at the same LUNs: every LU has a path through each, and what a LUN
// leads to can be changed for one path alone.
type twins struct {
	a, b *guest.Target
	lus  map[int]guest.Backstore // by LUN

	daemon *guest.Multipathd
}

// newTwins maps a LU at each of the LUNs, logs in to both targets and waits for
// the maps.
func newTwins(t *testing.T, c guest.Conf, luns ...int) *twins {
	t.Helper()
	w := &twins{a: guest.NewTarget(t, "a", "127.0.0.1"), b: guest.NewTarget(t, "b", "127.0.0.2"), lus: map[int]guest.Backstore{}}
	for _, lun := range luns {
		w.lus[lun] = guest.NewBackstore(t, fmt.Sprintf("lu%d", lun), 16, fmt.Sprintf("ab%02d", lun))
		w.a.Map(t, lun, w.lus[lun])
		w.b.Map(t, lun, w.lus[lun])
	}
	if c.NoPathRetry == "" {
		c.NoPathRetry = "fail" // and not what multipath has built in for LIO
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	w.a.Login(t, len(luns))
	w.b.Login(t, len(luns))
	w.daemon = guest.StartMultipathd(t, c)
	guest.WaitMaps(t, len(luns), 2)
	return w
}

func (w *twins) wwid(lun int) string { return w.lus[lun].WWID() }

// disks are the LUN's two, the one through target a first.
func (w *twins) disks(t *testing.T, lun int) []string {
	t.Helper()
	return append(w.a.Disks(t, lun), w.b.Disks(t, lun)...)
}

func (w *twins) mapped(t *testing.T, lun int) guest.Map {
	t.Helper()
	return guest.MapOf(t, w.a.Disks(t, lun)[0])
}

// remap gives the LUN to another LU behind both targets.
func (w *twins) remap(t *testing.T, lun int, to guest.Backstore) {
	t.Helper()
	w.a.Remap(t, lun, to)
	w.b.Remap(t, lun, to)
}

// unmap takes the LUN away from both, and waits until multipathd knows.
func (w *twins) unmap(t *testing.T, lun int) {
	t.Helper()
	m := w.mapped(t, lun)
	w.a.Unmap(t, lun)
	w.b.Unmap(t, lun)
	guest.WaitFailed(t, m)
}

// newcomer is another tenant's LU, with data of its own that only the array
// looks at.
func newcomer(t *testing.T, name, serial string, seed uint64) (guest.Backstore, guest.Pattern) {
	t.Helper()
	b := guest.NewBackstore(t, name, 16, serial)
	return b, guest.WritePattern(t, b.File(), seed)
}

// expectFound rescans and waits until the newcomer is there under its own
// identity, with a map of two paths over it.
func (w *twins) expectFound(t *testing.T, lun int, b guest.Backstore) guest.Map {
	t.Helper()
	w.a.Rescan(t)
	w.b.Rescan(t)
	var found guest.Map
	guest.WaitFor(t, b.Name+" has a map of two paths", 90*time.Second, func() error {
		for _, m := range guest.Maps() {
			if m.WWID == b.WWID() && len(m.Paths) == 2 {
				found = m
				return nil
			}
		}
		return fmt.Errorf("%+v", guest.Maps())
	})
	guest.Udev(t)
	for _, disk := range w.disks(t, lun) {
		if got := guest.SgWWID(t, disk); got != b.WWID() {
			t.Errorf("%s is %s, want %s", disk, got, b.WWID())
		}
	}
	return found
}
