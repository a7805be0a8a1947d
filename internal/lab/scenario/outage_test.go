//go:build lab && linux

package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A target that is down for 20 s is an outage, whatever the caller owns, also
// by the operator's rule: nothing is planned, and everything comes back.
func TestOutage(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true})
	pattern := guest.WritePattern(t, guest.MapOf(t, g.Disks(t, 1)[0]).Dev(), 9)
	maps := guest.Maps()
	down := time.Now()
	g.Disable(t)
	for _, m := range maps {
		guest.WaitFailed(t, m)
	}
	for time.Since(down) < 18*time.Second {
		for _, s := range []*remediate.Sweeper{
			newSweeper(t, remediate.WithDwell(0), remediate.WithMaxDead(1)),
			newSweeper(t, remediate.WithDwell(0), remediate.WithMaxDead(1), remediate.WithRunbook()),
		} {
			p := plan(t, s)
			for _, b := range lus {
				d, _ := p.Survey.Find(b.WWID())
				if d.Verdict != remediate.Unreachable && d.Verdict != remediate.Transient {
					t.Fatalf("in an outage %s is %s; the survey:\n%s", b.WWID(), d.Verdict, words(p.Survey))
				}
			}
		}
		time.Sleep(2 * time.Second)
	}
	sv := survey(t, newSweeper(t))
	for _, b := range lus {
		verdict(t, sv, b.WWID(), remediate.Unreachable)
	}
	r, trace := guest.SweepTraced(t, limit, "apply", "-yes", "-own", "all", "-dwell", "1s")
	belongs(t, trace, nil, maps)
	if r.Code != 0 || !strings.Contains(r.Stdout, "unreachable") {
		t.Errorf("sweep apply in an outage: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}

	g.Enable(t)
	g.WaitSessions(t, "LOGGED_IN", 30*time.Second)
	guest.WaitMaps(t, 3, 2)
	for _, m := range maps {
		guest.WaitFor(t, m.Name+" has its paths back", 20*time.Second, func() error { return carries(t, m, 2) })
	}
	pattern.Check(t)
	guest.WaitFor(t, "the survey finds them healthy", 20*time.Second, func() error {
		return allAre(survey(t, newSweeper(t)), remediate.Healthy)
	})
}

// One portal of two is down: the LUs are degraded, and nothing is planned.
func TestOutageOfOnePortal(t *testing.T) {
	g, lus := array(t, 2, guest.Conf{})
	guest.Cut(t, "127.0.0.2")
	g.WaitSessions(t, "FAILED", 20*time.Second, "127.0.0.2")
	s := newSweeper(t)
	plan(t, s)
	guest.WaitFor(t, "the survey finds them degraded", 20*time.Second, func() error {
		return allAre(survey(t, s), remediate.Degraded)
	})
	// The array unmaps one LUN meanwhile: half of the proof is no proof.
	g.Unmap(t, 1)
	plan(t, s)
	verdict(t, survey(t, s), lus[1].WWID(), remediate.Unreachable)
	guest.Mend(t, "127.0.0.2")
	g.WaitSessions(t, "LOGGED_IN", 30*time.Second)
}

func allAre(sv *remediate.Survey, want remediate.Verdict) error {
	for _, d := range sv.Devices {
		if d.Verdict != want {
			return fmt.Errorf("%s is %s:\n%s", d.WWID, d.Verdict, words(sv))
		}
	}
	return nil
}
