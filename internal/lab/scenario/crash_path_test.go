//go:build lab && linux

package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// A LU lives on through one of two paths, and sweep is killed before each change by which
// it takes the other one away: the next run comes to the same end, and the LU, its map
// and its queueing are what they were.
func TestCrashStalePath(t *testing.T) {
	const kept, half = 1, 2
	w := newTwins(t, guest.Conf{FriendlyNames: true, NoPathRetry: "queue"}, kept, half)
	pattern := guest.WritePattern(t, w.mapped(t, half).Dev(), 5)
	canary := guest.StartCanary(t, w.mapped(t, half).Dev())
	for n := 0; ; n++ {
		m, lost := w.mapped(t, half), w.b.Disks(t, half)
		w.b.Unmap(t, half)
		guest.WaitFor(t, "one path has failed", 30*time.Second, func() error {
			s := guest.DmsetupStatus(t, m.Name)
			if !slices.ContainsFunc(s.Paths, func(p guest.DMPath) bool { return p.Failed }) {
				return errors.New(s.Text)
			}
			return nil
		})
		v := &victim{m: m, disks: lost}
		killAt(t, v, func(change string) bool { return each(change) || strings.Contains(change, "del path") }, n)
		bringNotes(t)
		t.Logf("killed before %q", v.before)
		guest.Sweep(t, limit, "apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100")
		if left := guest.Ls("/sys/block"); slices.Contains(left, lost[0]) {
			t.Errorf("%s is there still", lost[0])
		}
		expectThere(t, m, 1)
		expectAsBefore(t, m, w.a.Disks(t, half))
		if files := guest.Ls(lockDir); len(files) > 0 {
			t.Errorf("%s still has %v", lockDir, files)
		}
		if v.before == "" {
			break
		}
		w.b.Map(t, half, w.lus[half])
		w.b.Rescan(t)
		guest.WaitMaps(t, len(w.lus), 2)
	}
	canary.Check(t, 5*time.Second)
	pattern.Check(t)
	expectThere(t, w.mapped(t, kept), 2)
}
