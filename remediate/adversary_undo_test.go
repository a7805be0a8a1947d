package remediate_test

import (
	"context"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// multipath -f is killed when time is up, and has left the map suspended: it is
// resumed.
func TestKilledFlushLeavesSuspended(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	d := scriptedDaemon{sys: sys}
	d.flush = func(ctx context.Context, name string) error {
		_ = d.sys.Daemon.Flush(ctx, name)
		<-ctx.Done()
		return &multipath.CommandError{Backend: "command", Argv: []string{"multipath", "-f", name}, Uncertain: true, Err: ctx.Err()}
	}
	broken := sys
	broken.Daemon = d
	sw := s.on(t, broken)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	res := executedIn(t, ctx, sw, p)
	require.False(t, s.find(t).Map.Suspended, "still suspended: %s: %s %s", s.log(), res.Outcome, res.Reason)
}

// The journal's disk fails after queueing was switched off: it is restored.
func TestJournalFailsQueueingStaysOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	w := &failingJournal{left: 1}
	sw := s.sweeper(t, remediate.WithJournal(w))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Contains(t, s.log(), "disablequeueing")
	require.True(t, s.find(t).Map.Queueing, "queueing is off: %s: %s", s.log(), res.Reason)
}

type failingJournal struct{ left int }

func (j *failingJournal) Write(p []byte) (int, error) {
	if j.left--; j.left < 0 {
		return 0, errors.New("input/output error")
	}
	return len(p), nil
}

// The journal's disk hangs: the caller does not.
func TestJournalHangs(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	stop := make(chan struct{})
	sw := s.sweeper(t, remediate.WithJournal(hangingJournal(stop)))
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() { _, _ = sw.Execute(ctx, p); close(done) }()
	select {
	case <-done:
	case <-time.After(4 * time.Second):
		t.Error("Execute has not come back 3 s after its deadline")
	}
	close(stop)
	<-done
}

type hangingJournal chan struct{}

func (j hangingJournal) Write(p []byte) (int, error) { <-j; return len(p), nil }

// Queueing is off since the plan, and no run has left a note of it: multipathd's
// retries have run out, or somebody has switched it off by hand. A refusal leaves
// it at that, and says nothing to multipathd.
func TestRefusalLeavesQueueingToOthers(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	require.NoError(t, s.System().Daemon.DisableQueueing(within(t), "mpathb"))
	s.Mount("dm-12", "/late")
	before := s.Actions()
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	require.Equal(t, before, s.Actions())
}

// Both paths were set offline by hand (or by the kernel's error handler). The
// target lists the LUN: it says that the LU is there.
func TestListedLUNIsNotDead(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.switchedOff(t, "sdi", "sdj")
	d := s.find(t, remediate.WithRunbook())
	require.False(t, d.Removable, "%s by %s: %v", d.Verdict, d.Proof, d.Reasons)
	d = s.find(t, s.detached())
	require.False(t, d.Removable, "%s by %s: %v", d.Verdict, d.Proof, d.Reasons)
}

// multipathd says ok to restorequeueing late: Execute ends with its deadline.
func TestExecuteOutlivesItsDeadline(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.After("disablequeueing", func() { s.Mount("dm-12", "/late") })
	sys := s.System()
	broken := sys
	broken.Daemon = scriptedDaemon{sys: sys, restored: func(ctx context.Context, name string) error {
		<-ctx.Done() // stopped: nobody answers on the socket
		return &multipath.CommandError{Backend: "socket", Uncertain: true, Err: ctx.Err()}
	}}
	sw := s.on(t, broken)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	begun := time.Now()
	_, _ = sw.Execute(ctx, p)
	require.Less(t, time.Since(begun), 3500*time.Millisecond)
}
