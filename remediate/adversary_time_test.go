package remediate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A slowJournal takes its time over the beginning of one step, in which much may
// happen.
type slowJournal struct {
	action remediate.Action
	takes  time.Duration
	then   func()
}

func (j *slowJournal) Write(p []byte) (int, error) {
	if line := string(p); j.then != nil && strings.Contains(line, `"begin"`) && strings.Contains(line, string(j.action)) {
		j.then()
		j.then = nil
		time.Sleep(j.takes)
	}
	return len(p), nil
}

// The LU comes back while the journal of the next step is being written: what was
// seen before that is worth nothing.
func TestBackWhileTheJournalIsWritten(t *testing.T) {
	t.Parallel()
	for action, order := range map[remediate.Action]string{
		remediate.DisableQueueing: "disablequeueing",
		remediate.FlushMap:        "multipath -f",
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s := lost(t, map[bool]remediatetest.NoPathRetry{true: remediatetest.Queue, false: remediatetest.Fail}[action == remediate.DisableQueueing])
			sw := s.sweeper(t, remediate.WithJournal(&slowJournal{action, 1500 * time.Millisecond, func() { s.Restore(s.lu) }}))
			res := executed(t, sw, planned(t, sw, s.lu.WWID()))
			var evidence *remediate.EvidenceError
			require.ErrorAs(t, res.Err, &evidence)
			require.NotContains(t, s.log(), order)
			require.Equal(t, remediate.Refused, res.Outcome)
		})
	}
}

// Both links come back between the last question and the delete: the owner's word
// was for a LU that does not answer, and a disk whose link was down was never
// switched off.
func TestBackBeforeTheDelete(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Outage(s.a, s.b)
	detached := func(_ context.Context, lu remediate.Subject) (remediate.Claim, error) {
		return remediate.Claim{Owner: remediate.Mine, Detached: lu.WWID == s.lu.WWID()}, nil
	}
	sw := s.sweeper(t, remediate.WithOwner(detached), remediate.WithMaxDead(1),
		remediate.WithJournal(&slowJournal{remediate.DeletePath, 0, func() { s.Recover(s.a, s.b) }}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	var evidence *remediate.EvidenceError
	require.ErrorAs(t, res.Err, &evidence)
	require.NotContains(t, s.log(), "delete")
}

// A stuckReader says that a read of a map has not come back.
type stuckReader struct {
	reader
	key string
}

type reader interface {
	Probe(ctx context.Context, t blockprobe.Target) blockprobe.Result
	Claimed(ctx context.Context, t blockprobe.Target) (bool, error)
	Stuck() []blockprobe.Stuck
}

func (r stuckReader) Stuck() []blockprobe.Stuck { return []blockprobe.Stuck{{Key: r.key}} }

// What a killed run left is put right in a process of which a read is stuck on
// that very map.
func TestRecoverWithAReadStuck(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	m := s.find(t).Map
	for n := 0; ; n++ {
		if last, _ := killed(t, s, n); last.Kind == remediate.EventEnd && last.Action == remediate.DisableQueueing {
			break
		}
		s = lost(t, remediatetest.Queue)
	}
	s.Restore(s.lu)
	sys := s.System()
	require.NoError(t, sys.Kernel.QueueIfNoPath(within(t), m.UUID)) // as multipathd does in the midst of it
	sys.Reader = stuckReader{sys.Reader, m.Devt.String() + " " + m.UUID}
	done, err := s.on(t, sys).Recover(within(t))
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.NoError(t, done[0].Err)
	require.True(t, s.find(t).Map.Queueing)
}
