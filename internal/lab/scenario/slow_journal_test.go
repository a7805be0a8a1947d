//go:build lab && linux

package scenario

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// The journal's disk is slow, and while the next step is written down the array
// gives the LUN back: neither is queueing switched off nor the map flushed on the
// strength of what was seen before.
func TestSlowJournalQueueing(t *testing.T) { backWhileWritten(t, "queue", remediate.DisableQueueing) }

// The journal's disk is slow before the flush of a map that does not queue, and
// meanwhile the array gives the LUN back: the map is not flushed.
func TestSlowJournalFlush(t *testing.T) { backWhileWritten(t, "fail", remediate.FlushMap) }

func backWhileWritten(t *testing.T, retry string, before remediate.Action) {
	d, _, maps := runbook(t, retry)
	m := maps[3]
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, m)
	s := newSweeper(t, remediate.WithJournal(journal(func(line string) {
		if !strings.Contains(line, `"begin"`) {
			return
		}
		if !strings.Contains(line, string(before)) {
			t.Errorf("it went on: %s", line)
			return
		}
		guest.Aside(func() { d.RestoreLUNs(t) })
		time.Sleep(2 * time.Second)
	})))
	for _, r := range execute(t, s, plan(t, s, m.WWID), remediate.Refused).Results {
		var evidence *remediate.EvidenceError
		var used *remediate.InUseError // udev reads what comes back
		if !errors.As(r.Err, &evidence) && !errors.As(r.Err, &used) {
			t.Errorf("refused, but because %v", r.Err)
		}
	}
	guest.WaitFor(t, "its paths carry again", 30*time.Second, func() error { return carries(t, m, 2) })
	if guest.Queueing(t, m.Name) != (retry == "queue") {
		t.Errorf("queueing is not what it was: %s", guest.DmsetupTable(t, m.Name))
	}
	verdict(t, survey(t, s), m.WWID, remediate.Healthy)
	expectNotStuck(t)
}

// A journal hears of every line that is written.
type journal func(line string)

func (j journal) Write(p []byte) (int, error) { j(string(p)); return len(p), nil }
