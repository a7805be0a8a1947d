package remediate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// killed executes a plan for one LU whose run ends, as if killed, at the n-th
// event of its steps: nothing of it goes on, and the kernel lets its locks go. It
// reports whether there were that many, and which it was.
func killed(t *testing.T, s *scenario, n int) (last remediate.Event, dead bool) {
	t.Helper()
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	sw = s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind != remediate.EventBegin && e.Kind != remediate.EventEnd {
			return
		}
		if last, n = e, n-1; n < 0 {
			dead = true
			runtime.Goexit()
		}
	}))
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	require.Equal(t, dead, r.Results[0].Outcome == "", "a killed run has no result")
	return last, dead
}

// A run that is killed at any of its steps, and another by a new plan, come to
// the same end as one that was not.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		s := lost(t, remediatetest.Queue)
		last, dead := killed(t, s, n)
		if !dead {
			require.Greater(t, n, 12, "only %d events", n)
			return
		}
		sw := s.sweeper(t)
		_, err := sw.Recover(within(t))
		require.NoError(t, err)
		p, err := sw.Plan(within(t))
		require.NoError(t, err)
		r, err := sw.Execute(within(t), p)
		require.NoError(t, err)
		require.NoError(t, r.Err(), "killed at %s %s: %v", last.Kind, last.Action, s.Actions())
		require.Eventually(t, func() bool { // multipathd may be about to hear of the last delete
			all, err := sw.Verify(within(t), remediate.Target{WWID: s.lu.WWID()})
			return err == nil && all[0].Gone
		}, 20*time.Second, time.Millisecond, "killed at %s %s: %v", last.Kind, last.Action, s.Actions())
		expectNothingNoted(t, s)
	}
}

// Where the LU has come back since the kill, a plain new run leaves what is left
// of it as it was before: queueing, not suspended, its paths running.
func TestKilledAndAliveAgain(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		s := lost(t, remediatetest.Queue)
		last, dead := killed(t, s, n)
		if !dead {
			return
		}
		s.Restore(s.lu)
		sv, err := s.sweeper(t).Survey(within(t))
		require.NoError(t, err)
		before := s.Actions()
		sw := s.sweeper(t)
		p := planned(t, sw)
		require.Equal(t, before, s.Actions(), "a survey or a plan has changed something")
		r, err := sw.Execute(within(t), p)
		require.NoError(t, err)
		require.Equal(t, len(sv.Unfinished), len(r.Recovered), "killed at %s %s", last.Kind, last.Action)
		for _, x := range r.Recovered {
			require.NoError(t, x.Err)
		}
		sv, err = sw.Survey(within(t))
		require.NoError(t, err)
		if d, found := sv.Find(s.lu.WWID()); found {
			require.True(t, d.Map == nil || d.Map.Queueing && !d.Map.Suspended, "killed at %s %s: %+v", last.Kind, last.Action, d.Map)
			for _, p := range d.Paths {
				require.Equal(t, "running", p.State, "killed at %s %s: %s", last.Kind, last.Action, p.Dev)
			}
		}
		expectNothingNoted(t, s)
	}
}

func expectNothingNoted(t *testing.T, s *scenario) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.Tree(), "run/lunsweep/*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A flush that leaves its map suspended, by a run that does not live to see it.
func TestKilledBeforeItResumes(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.SuspendOnFlush(s.m)
	s.After("left suspended", runtime.Goexit)
	_, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	d := s.find(t)
	require.Equal(t, remediate.Suspended, d.Verdict)

	done, err := s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.NoError(t, done[0].Err)
	require.Equal(t, remediate.ResumeMap, done[0].Steps[0].Action)
	require.Equal(t, remediate.Stale, s.find(t).Verdict)
	expectNothingNoted(t, s)
}

// What a note says is believed only where the map and the paths are still those
// of the note, in the same boot.
func TestNotesOfOthers(t *testing.T) {
	t.Parallel()
	offlined := func(t *testing.T) *scenario {
		t.Helper()
		for n := 0; ; n++ {
			s := lost(t, remediatetest.Fail)
			if last, _ := killed(t, s, n); last.Kind == remediate.EventEnd && last.Action == remediate.OfflinePath {
				return s
			}
		}
	}
	state := func(s *scenario) string { return s.find(t).Paths[0].State }
	t.Run("of this host", func(t *testing.T) {
		s := offlined(t)
		require.Equal(t, "offline", state(s))
		_, err := s.sweeper(t).Recover(within(t))
		require.NoError(t, err)
		require.Equal(t, "running", state(s))
	})
	t.Run("of an earlier boot", func(t *testing.T) {
		s := offlined(t)
		s.Reboot("00000000-0000-4000-8000-000000000000")
		done, err := s.sweeper(t).Recover(within(t))
		require.NoError(t, err)
		require.Empty(t, done)
		require.Equal(t, "offline", state(s))
	})
	t.Run("of a disk that another has replaced", func(t *testing.T) {
		s := offlined(t)
		s.DeletedByHand("sdi")
		s.another("vol-n").Path("sdi", s.a, 1)
		before := s.Actions()
		_, err := s.sweeper(t).Recover(within(t))
		require.NoError(t, err)
		require.Equal(t, before, s.Actions())
		expectNothingNoted(t, s)
	})
	t.Run("of a map that was made anew", func(t *testing.T) {
		s := unqueued(t)
		s.FlushedByHand(s.m)
		s.Map("mpathb", "dm-12", s.lu, remediatetest.Fail)
		before := s.Actions()
		_, err := s.sweeper(t).Recover(within(t))
		require.NoError(t, err)
		require.Equal(t, before, s.Actions(), "the new map is nobody's leftover")
		expectNothingNoted(t, s)
	})
	for name, hide := range map[string]func(file string) error{
		"garbled": func(file string) error { return os.WriteFile(file, []byte("?\n"), 0o600) },
		"missing": os.Remove,
	} {
		t.Run("of a map that cannot be told from one made anew, its count "+name, func(t *testing.T) {
			s := unqueued(t)
			count := filepath.Join(s.Tree(), "sys/block/dm-12/diskseq")
			known, err := os.ReadFile(count)
			require.NoError(t, err)
			require.NoError(t, hide(count))
			before := s.Actions()
			done, err := s.sweeper(t).Recover(within(t))
			require.NoError(t, err)
			require.Len(t, done, 1)
			require.ErrorContains(t, done[0].Err, "still the noted map")
			require.Equal(t, before, s.Actions())
			require.NoError(t, os.WriteFile(count, known, 0o600))
			_, err = s.sweeper(t).Recover(within(t))
			require.NoError(t, err)
			require.True(t, s.find(t).Map.Queueing, "the note has stayed")
			expectNothingNoted(t, s)
		})
	}
	t.Run("of a map, by a version that did not count disks", func(t *testing.T) {
		s := unqueued(t)
		note := noteOf(t, s)
		text, err := os.ReadFile(note)
		require.NoError(t, err)
		old := regexp.MustCompile(`,"diskseq":\d+`).ReplaceAll(text, nil)
		require.NotEqual(t, text, old)
		require.NoError(t, os.WriteFile(note, old, 0o600))
		_, err = s.sweeper(t).Recover(within(t))
		require.NoError(t, err)
		require.True(t, s.find(t).Map.Queueing)
		expectNothingNoted(t, s)
	})
	t.Run("garbled", func(t *testing.T) {
		s := offlined(t)
		note := noteOf(t, s)
		require.NoError(t, os.WriteFile(note, []byte(`{"schema":1,"wwid":`), 0o600))
		sw := s.sweeper(t)
		done, err := sw.Recover(within(t))
		require.NoError(t, err)
		require.Len(t, done, 1)
		require.ErrorContains(t, done[0].Err, note, "whoever has to see to it must find it")
		require.ErrorContains(t, done[0].Err, "remove the file")
		sv, err := sw.Survey(within(t))
		require.NoError(t, err)
		require.Len(t, sv.Gaps, 1)
		require.Equal(t, "offline", state(s))
	})
}

// noteOf is the file of the one note that there is.
func noteOf(t *testing.T, s *scenario) string {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(s.Tree(), "run/lunsweep/*.note"))
	require.NoError(t, err)
	require.Len(t, notes, 1)
	return notes[0]
}

// unqueued is a host on which a run was killed once it had switched queueing off.
func unqueued(t *testing.T) *scenario {
	t.Helper()
	for n := 0; ; n++ {
		s := lost(t, remediatetest.Queue)
		if last, _ := killed(t, s, n); last.Kind == remediate.EventEnd && last.Action == remediate.DisableQueueing {
			require.False(t, s.find(t).Map.Queueing)
			return s
		}
	}
}
