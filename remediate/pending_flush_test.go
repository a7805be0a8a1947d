package remediate_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The flush is still under way in multipathd when the run's time is up, and leaves the map
// suspended a moment later: the next run, or Recover, is to know of it.
func TestFlushLeavesSuspendedLater(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	d := scriptedDaemon{sys: sys}
	later := make(chan struct{})
	d.flush = func(ctx context.Context, name string) error {
		<-ctx.Done()
		go func() {
			time.Sleep(1500 * time.Millisecond)
			_ = d.sys.Daemon.Flush(context.Background(), name)
			close(later)
		}()
		return &multipath.CommandError{Backend: "command", Argv: []string{"multipath", "-f", name}, Uncertain: true, Err: ctx.Err()}
	}
	_, res := s.flushedBy(t, d)
	t.Log(res.Outcome, res.Reason)
	<-later
	require.True(t, s.find(t).Map.Suspended)
	rec, err := s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.False(t, s.find(t).Map.Suspended, "still suspended, and nobody knows why: %v %s", rec, s.log())
}

// flushedBy plans the volume's removal and executes the plan with two seconds' time, by a
// multipathd of the test's own.
func (s *scenario) flushedBy(t *testing.T, d scriptedDaemon) (*remediate.Plan, remediate.Result) {
	t.Helper()
	sys := s.System()
	sys.Daemon = d
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return p, executedIn(t, ctx, sw, p)
}

// notesOf are the notes of unfinished work, by file.
func notesOf(t *testing.T, s *scenario) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	dir := filepath.Join(s.Tree(), "run/lunsweep")
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		f := filepath.Join(dir, e.Name())
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(`"schema"`)) {
			out[f] = b
		}
	}
	return out
}

// agedNotes makes every note older by d.
func agedNotes(t *testing.T, s *scenario, d time.Duration) {
	t.Helper()
	re := regexp.MustCompile(`"((?:pending_)?since)":"([^"]*)"`)
	for f, b := range notesOf(t, s) {
		b = re.ReplaceAllFunc(b, func(one []byte) []byte {
			m := re.FindSubmatch(one)
			at, err := time.Parse(time.RFC3339Nano, string(m[2]))
			require.NoError(t, err)
			return []byte(`"` + string(m[1]) + `":"` + at.Add(-d).Format(time.RFC3339Nano) + `"`)
		})
		require.NoError(t, os.WriteFile(f, b, 0o600))
	}
}

// uncertain is what a flush comes to that has not come back.
func uncertain(name string, err error) error {
	return &multipath.CommandError{Backend: "socket", Argv: []string{"del", "map", name}, Uncertain: true, Err: err}
}

// A controller tries every nine minutes; the LU is in use since. The note does not get
// younger by that: half an hour later a map that somebody else has suspended stays so.
func TestPendingAges(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	d := scriptedDaemon{sys: sys, flush: func(ctx context.Context, name string) error {
		<-ctx.Done()
		return uncertain(name, ctx.Err())
	}}
	p, _ := s.flushedBy(t, d)
	require.NotEmpty(t, notesOf(t, s))
	s.Mount("dm-12", "/data")
	for range 4 {
		agedNotes(t, s, 9*time.Minute)
		res := executed(t, s.sweeper(t), p)
		require.Equal(t, remediate.Refused, res.Outcome)
	}
	s.Suspend(s.m) // by its operator, for a copy of what is below, say
	_, err := s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.True(t, s.find(t).Map.Suspended, "36 minutes after the flush somebody else's suspension was lifted: %s", s.log())
}

// multipathd works at the flush for long, and has no time for the second one ("timeout"),
// which is no word on the first.
func TestPendingOutlivesOneNotTaken(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	later := make(chan struct{})
	n := 0
	d := scriptedDaemon{sys: sys}
	d.flush = func(ctx context.Context, name string) error {
		if n++; n > 1 {
			return &multipath.CommandError{Backend: "socket", Argv: []string{"del", "map", name}, Err: multipath.ErrBusy}
		}
		go func() {
			time.Sleep(4 * time.Second)
			_ = sys.Daemon.Flush(context.Background(), name)
			close(later)
		}()
		return uncertain(name, multipath.ErrSilent)
	}
	_, res := s.flushedBy(t, d)
	t.Log(res.Outcome, res.Reason, n)
	require.Greater(t, n, 1)
	<-later
	require.True(t, s.find(t).Map.Suspended)
	_, err := s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.False(t, s.find(t).Map.Suspended, "still suspended, and nobody knows why")
}

// The flush was carried out, its answer lost; the LU is back, and its disks stay.
func TestPendingOfMapThatIsGone(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	d := scriptedDaemon{sys: sys, flush: func(ctx context.Context, name string) error {
		_ = sys.Daemon.Flush(ctx, name)
		return uncertain(name, errors.New("EOF"))
	}}
	broken := sys
	broken.Daemon = d
	sw := s.on(t, broken, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventEnd && e.Action == remediate.OfflinePath && e.Target == "sdj" {
			s.Open("sdi", 41702, "qemu", remediatetest.Writing)
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	t.Log(res.Outcome, res.Reason, s.Actions())
	require.NotEqual(t, remediate.Removed, res.Outcome)
	sv, err := s.sweeper(t).Survey(within(t))
	require.NoError(t, err)
	for _, u := range sv.Unfinished {
		t.Errorf("told as unfinished: %s", u)
	}
	s.switchedOff(t, "sdj") // by its operator
	_, err = s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.Equal(t, "offline", stateOf(t, s, "sdj"), "its operator had switched it off, not we")
}

// The run is killed while multipathd works at its flush (the note is as it was then); the
// next one comes before the flush has left the map suspended.
func TestKilledDuringFlush(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	var notes map[string][]byte
	d := scriptedDaemon{sys: sys, flush: func(ctx context.Context, name string) error {
		if notes == nil {
			notes = notesOf(t, s)
		}
		<-ctx.Done()
		return uncertain(name, ctx.Err())
	}}
	s.flushedBy(t, d)
	require.NotEmpty(t, notes)
	for f := range notesOf(t, s) {
		require.NoError(t, os.Remove(f))
	}
	for f, b := range notes {
		require.NoError(t, os.WriteFile(f, b, 0o600))
	}
	_, err := s.sweeper(t).Recover(within(t)) // the pod is started anew
	require.NoError(t, err)
	_ = sys.Daemon.Flush(context.Background(), "mpathb")
	require.True(t, s.find(t).Map.Suspended)
	_, err = s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.False(t, s.find(t).Map.Suspended, "still suspended, and nobody knows why")
}
