//go:build lab && linux

package scenario

import (
	"errors"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// The LU comes back in the midst of its removal: what is left of it stays, and
// the report says so; nothing that lives is deleted.
func TestResurrected(t *testing.T) {
	const kept, lost = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	w.unmap(t, lost)
	back := remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventEnd && e.Action == remediate.FlushMap {
			guest.Aside(func() {
				w.a.Map(t, lost, w.lus[lost])
				w.b.Map(t, lost, w.lus[lost])
			})
		}
	})
	s := newSweeper(t, back)
	p := plan(t, s, w.wwid(lost))
	r := execute(t, s, p, remediate.Failed)
	var alive *remediate.EvidenceError
	if err := r.Results[0].Err; !errors.As(err, &alive) {
		t.Errorf("the error does not say that it is back: %v", err)
	}
	for _, disk := range disks {
		if guest.Read(t, "/sys/block/"+disk+"/device/state") != "running" {
			t.Errorf("%s is %s", disk, guest.Read(t, "/sys/block/"+disk+"/device/state"))
		}
	}
	t.Logf("%s was flushed before the LU came back; left are %v", m.Name, guest.Maps())
	expectThere(t, w.mapped(t, kept), 2)
}

// Sessions are scanned again all the while, as node.session.scan and other LUs'
// attachments do: the removal converges, and takes only what is dead.
func TestRescans(t *testing.T) {
	const kept, lost, zero = 1, 2, 0
	w := newTwins(t, guest.Conf{FriendlyNames: true}, zero, kept, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	pattern := guest.WritePattern(t, w.mapped(t, kept).Dev(), 5)
	w.unmap(t, lost)
	guest.Start(t, "rescans.log", "sh", "-c", "while :; do iscsiadm -m session -R; sleep 0.1; done")
	s := newSweeper(t)
	p := plan(t, s, w.wwid(lost))
	traced(t, p, remediate.Removed, []guest.Map{w.mapped(t, kept), w.mapped(t, zero)})
	expectGone(t, m, disks...)
	guest.Stays(t, "it stays gone under the rescans", 3*time.Second, func() error {
		for _, x := range guest.Maps() {
			if x.WWID == w.wwid(lost) {
				return errors.New("it is back as " + x.Name)
			}
		}
		return nil
	})
	expectThere(t, w.mapped(t, kept), 2)
	expectThere(t, w.mapped(t, zero), 2)
	pattern.Check(t)
}
