//go:build lab && linux

package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// came is what came of the LUs of the one scenario that this guest runs.
var came ledger

// A ledger has, for each LU that was not in order, what became of it in one sweep
// or the other, and why, as it was at last.
type ledger struct {
	mu sync.Mutex
	by map[fate]map[string]string // the reason, by WWID
}

type fate int

const (
	wasLeft    fate = iota // not planned
	wasRefused             // planned, and not removed
	wasRemoved
)

// done enters what came of a planned LU.
func (l *ledger) done(t testing.TB, wwid, outcome, reason string) {
	switch remediate.Outcome(outcome) {
	case remediate.Absent:
	case remediate.Removed:
		l.enter(t, wwid, wasRemoved, "")
	case remediate.Refused:
		l.enter(t, wwid, wasRefused, cause(reason))
	default:
		l.enter(t, wwid, wasRefused, outcome+", "+cause(reason))
	}
}

// all enters what a report says, for a Sweeper whose observer is another than [newSweeper]'s.
func (l *ledger) all(t testing.TB, r *remediate.Report) {
	if r == nil {
		return
	}
	for _, x := range r.Results {
		l.done(t, x.WWID, string(x.Outcome), x.Reason)
	}
}

// planned enters what a plan leaves alone although it is not in order.
func (l *ledger) planned(t testing.TB, p *remediate.Plan) {
	for _, d := range p.Survey.Devices {
		due := slices.ContainsFunc(p.Targets, func(x remediate.Target) bool { return x.WWID == d.WWID })
		if d.Verdict != remediate.Healthy && !due {
			l.enter(t, d.WWID, wasLeft, leftFor(d))
		}
	}
}

func (l *ledger) enter(t testing.TB, wwid string, f fate, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[fate]map[string]string{wasLeft: {}, wasRefused: {}, wasRemoved: {}}
	}
	l.by[f][wwid] = why
	guest.Outcome(t, l.count(wasRemoved), l.count(wasRefused), l.count(wasLeft))
}

// count says how many LUs had a fate: "2 in use, 1 not ours".
func (l *ledger) count(f fate) string {
	n := map[string]int{}
	for _, why := range l.by[f] {
		n[why]++
	}
	var out []string
	for _, why := range slices.Sorted(maps.Keys(n)) {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s", n[why], why)))
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}

// leftFor is why a plan leaves a device alone, in a word or two.
func leftFor(d remediate.Device) string {
	switch {
	case d.Protected != "":
		return "protected"
	case d.Verdict.Residual() && len(d.InUse) > 0:
		return "in use"
	case d.Verdict.Actionable() && d.Owner == remediate.NotMine:
		return "not ours"
	case d.Verdict.Actionable() && d.Owner == remediate.OwnerUnknown:
		return "nobody's"
	}
	return d.Verdict.String()
}

// causes are found in the words of the library's errors.
var causes = []struct{ words, cause string }{
	{" is in use: ", "in use"},
	{" is protected: ", "protected"},
	{" is not ours to remove", "not ours"},
	{"stale plan: ", "stale plan"},
	{" is being worked on by ", "locked"},
	{", so it stays: ", "not proven dead"},
	{" has not come back", "stuck"},
	{" is still there: ", "remains"},
	{"left it suspended", "was left suspended"},
	{"was not begun", "stopped"},
	{"took too long", "too late"},
}

func cause(reason string) string {
	for _, c := range causes {
		if strings.Contains(reason, c.words) {
			return c.cause
		}
	}
	return "other"
}
