package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Several runs of one plan at once remove the LU once, and none of them reports
// an error.
func TestRunsSideBySide(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	results := make([]remediate.Result, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			r, err := s.sweeper(t).Execute(within(t), p)
			if err == nil {
				results[i] = r.Results[0]
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	removed := 0
	for _, r := range results {
		if r.Outcome == remediate.Removed {
			removed++
		} else if r.Outcome != remediate.Absent {
			t.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	}
	require.Equal(t, 1, removed)
	require.Equal(t, 1, strings.Count(strings.Join(s.Actions(), "\n"), "sdi delete"), "%v", s.Actions())
	expectNothingNoted(t, s)
}

// A LU that another run keeps is left alone, and who keeps it is named.
func TestLockedLU(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	atWork, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first := s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin {
			once.Do(func() { close(atWork); <-goOn })
		}
	}))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := first.Execute(within(t), p); err != nil {
			t.Error(err)
		}
	})
	<-atWork
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	res := executedIn(t, ctx, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	var e *remediate.LockedError
	require.ErrorAs(t, res.Err, &e)
	require.Contains(t, e.Holder, filepath.Base(os.Args[0]))
	require.Empty(t, s.Actions())
	close(goOn)
	wg.Wait()
	require.Equal(t, remediate.Absent, executed(t, sw, p).Outcome)
}

// Where no lock can be had, nothing is changed.
func TestNoLockNoChange(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, s *scenario) []remediate.Option{
		"no /run": func(t *testing.T, s *scenario) []remediate.Option {
			require.NoError(t, os.Remove(filepath.Join(s.Tree(), "run")))
			return nil
		},
		"a directory that others may write to": func(t *testing.T, s *scenario) []remediate.Option {
			dir := filepath.Join(t.TempDir(), "locks")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chmod(dir, 0o777))
			return []remediate.Option{remediate.WithLockDir(dir)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Queue)
			sw := s.sweeper(t, prepare(t, s)...)
			p, err := sw.Plan(within(t))
			require.NoError(t, err)
			r, err := sw.Execute(within(t), p)
			if err == nil {
				require.Equal(t, remediate.Refused, r.Results[0].Outcome, r.Results[0].Reason)
				require.Error(t, r.Results[0].Err)
			}
			require.Empty(t, s.Actions())
		})
	}
}
