package park_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/park"
)

var errDead = errors.New("dead device")

// hang is a call that comes back when release is closed.
func hang(release <-chan struct{}) func() (string, error) {
	return func() (string, error) {
		<-release
		return "late", errDead
	}
}

// start makes a call in the background and returns its error's channel.
func start(ctx context.Context, l *park.Lot, key string, fn func() (string, error)) <-chan error {
	out := make(chan error, 1)
	go func() {
		_, err := park.Do(ctx, l, key, fn)
		out <- err
	}()
	return out
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func keys(l *park.Lot) []string {
	out := []string{}
	for _, s := range l.Stuck() {
		out = append(out, s.Key)
	}
	return out
}

func TestDoReturnsWhatTheCallReturned(t *testing.T) {
	l := park.New(0, func(park.Late) { t.Error("told of a call that was waited for") })
	v, err := park.Do(t.Context(), l, "sda", func() (string, error) { return "ok", nil })
	require.NoError(t, err)
	require.Equal(t, "ok", v)
	_, err = park.Do(t.Context(), l, "sda", func() (string, error) { return "", errDead })
	require.ErrorIs(t, err, errDead)
	require.Empty(t, l.Stuck())
}

func TestDoStartsNothingUnderAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := park.Do(ctx, park.New(0, nil), "sda", func() (string, error) {
		t.Error("started")
		return "", nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestStuckCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lates []park.Late
		l := park.New(0, func(late park.Late) { lates = append(lates, late) })
		release := make(chan struct{})
		began := time.Now()

		_, err := park.Do(within(t, 5*time.Second), l, "sda", hang(release))
		var stuck *park.StuckError
		require.ErrorAs(t, err, &stuck)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		want := park.StuckError{Key: "sda", Since: began, Began: true, Cause: context.DeadlineExceeded}
		require.Equal(t, want, *stuck)
		require.Equal(t, 5*time.Second, time.Since(began), "the caller waits for its context and no longer")
		require.Empty(t, cmp.Diff([]park.Stuck{{Key: "sda", Since: began}}, l.Stuck()))

		_, err = park.Do(within(t, 5*time.Second), l, "sda", func() (string, error) {
			t.Error("started beside a call that is stuck")
			return "", nil
		})
		require.ErrorAs(t, err, &stuck)
		require.False(t, stuck.Began)
		require.Equal(t, 5*time.Second, time.Since(began), "there is no waiting behind a stuck call")

		_, err = park.Do(t.Context(), l, "sdb", func() (string, error) { return "", nil })
		require.NoError(t, err, "other keys are free")

		time.Sleep(time.Minute)
		close(release)
		synctest.Wait()
		wantLate := []park.Late{{Stuck: park.Stuck{Key: "sda", Since: began}, Took: 65 * time.Second, Err: errDead}}
		require.Empty(t, cmp.Diff(wantLate, lates, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })))
		require.Empty(t, l.Stuck())

		_, err = park.Do(t.Context(), l, "sda", func() (string, error) { return "", nil })
		require.NoError(t, err, "the key is free again")
	})
}

func TestCancelledCallIsStuckToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		got := start(ctx, l, "sda", hang(release))
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-got, context.Canceled)
		require.Equal(t, []string{"sda"}, keys(l))
		close(release)
	})
}

func TestSameKeyWaitsForACallThatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		var running, most atomic.Int32
		slow := func() (string, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			running.Add(-1)
			return "", nil
		}
		began := time.Now()
		var all []<-chan error
		for range 3 {
			all = append(all, start(t.Context(), l, "sda", slow))
		}
		for _, got := range all {
			require.NoError(t, <-got)
		}
		require.EqualValues(t, 1, most.Load())
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestSameKeyIsRefusedWhenTheCallBeforeItGetsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		release := make(chan struct{})
		defer close(release)
		began := time.Now()
		first := start(within(t, time.Second), l, "sda", hang(release))
		synctest.Wait()
		second := start(within(t, time.Hour), l, "sda", hang(release))
		require.ErrorIs(t, <-first, context.DeadlineExceeded)

		var stuck *park.StuckError
		require.ErrorAs(t, <-second, &stuck)
		require.Equal(t, park.StuckError{Key: "sda", Since: began}, *stuck)
		require.Equal(t, park.Grace, time.Since(began))
	})
}

// A caller whose time was nearly up when it began says nothing of the call.
func TestSameKeyWaitsForACallThatWasOnlyJustLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		slow := func() (string, error) {
			time.Sleep(park.Grace / 2)
			return "ok", nil
		}
		_, err := park.Do(within(t, time.Millisecond), l, "sda", slow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, []string{"sda"}, keys(l))
		_, err = park.Do(within(t, time.Millisecond), l, "sda", slow)
		require.ErrorIs(t, err, context.DeadlineExceeded, "no longer than the new caller's time")
		v, err := park.Do(within(t, time.Minute), l, "sda", slow)
		require.NoError(t, err)
		require.Equal(t, "ok", v)
	})
}

// Many that hang, asked one after another for a second time, cost one grace.
func TestGraceIsForAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		release := make(chan struct{})
		defer close(release)
		began := time.Now()
		var all []<-chan error
		for i := range 32 {
			all = append(all, start(within(t, park.Grace/4), l, fmt.Sprint("sd", i), hang(release)))
		}
		for _, got := range all {
			require.ErrorIs(t, <-got, context.DeadlineExceeded)
		}
		for i := range 32 {
			_, err := park.Do(within(t, time.Hour), l, fmt.Sprint("sd", i), hang(release))
			var stuck *park.StuckError
			require.ErrorAs(t, err, &stuck)
		}
		require.Equal(t, park.Grace, time.Since(began))
	})
}

func TestSameKeyGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		release := make(chan struct{})
		first := start(t.Context(), l, "sda", hang(release))
		synctest.Wait()
		_, err := park.Do(within(t, time.Second), l, "sda", hang(release))
		var stuck *park.StuckError
		require.ErrorAs(t, err, &stuck)
		require.False(t, stuck.Began)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, l.Stuck(), "the first is waited for still")
		close(release)
		require.ErrorIs(t, <-first, errDead)
	})
}

func TestLimitHoldsBeforeAnythingIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, callers = 4, 20
		l := park.New(limit, nil)
		release := make(chan struct{})
		var started atomic.Int32
		count := func() (string, error) {
			started.Add(1)
			return hang(release)()
		}
		began := time.Now()
		var all []<-chan error
		for i := range callers {
			all = append(all, start(within(t, 5*time.Second), l, fmt.Sprint("sd", i), count))
		}
		var stuck, refused int
		for _, got := range all {
			err := <-got
			var full *park.LimitError
			if errors.As(err, &full) {
				require.Equal(t, limit, full.Limit)
				refused++
				continue
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
			stuck++
		}
		require.Equal(t, []int{limit, callers - limit}, []int{stuck, refused})
		require.EqualValues(t, limit, started.Load())
		require.Equal(t, 5*time.Second, time.Since(began), "all of them cost one time-out together")

		_, err := park.Do(within(t, time.Hour), l, "sdz", count)
		var full *park.LimitError
		require.ErrorAs(t, err, &full)
		require.Equal(t, park.LimitError{Key: "sdz", Limit: limit}, *full)
		require.Equal(t, 5*time.Second, time.Since(began), "there is no waiting where all are stuck")

		close(release)
		synctest.Wait()
		require.Empty(t, l.Stuck())
	})
}

func TestPlaceIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(1, nil)
		slow := func() (string, error) {
			time.Sleep(time.Second)
			return "", nil
		}
		first := start(t.Context(), l, "sda", slow)
		synctest.Wait()
		_, err := park.Do(within(t, time.Minute), l, "sdb", slow)
		require.NoError(t, err)
		require.NoError(t, <-first)

		first = start(t.Context(), l, "sda", slow)
		synctest.Wait()
		_, err = park.Do(within(t, time.Millisecond), l, "sdb", slow)
		var full *park.LimitError
		require.ErrorAs(t, err, &full)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, <-first)
	})
}

func TestStuckIsOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		release := make(chan struct{})
		defer close(release)
		for _, key := range []string{"sdc", "sda", "sdb"} {
			_, err := park.Do(within(t, time.Second), l, key, hang(release))
			require.Error(t, err)
		}
		require.Equal(t, []string{"sdc", "sda", "sdb"}, keys(l))
	})
}

func TestErrorsSayWhatHappened(t *testing.T) {
	since := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for want, err := range map[string]error{
		"sda: an earlier call, started at 07:08:09, has not come back": &park.StuckError{Key: "sda", Since: since},
		"sda: not started, 4 other calls are stuck":                    &park.LimitError{Key: "sda", Limit: 4},
		"sda: not started, 4 other calls are under way":                &park.LimitError{Key: "sda", Limit: 4, Cause: context.Canceled},
	} {
		require.EqualError(t, err, want)
	}
}

// TestMany is for the race detector: calls that end about when their callers
// give up.
func TestMany(t *testing.T) {
	var lates atomic.Int32
	l := park.New(8, func(park.Late) { lates.Add(1) })
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			v, err := park.Do(ctx, l, fmt.Sprint(i%16), func() (int, error) {
				time.Sleep(time.Duration(i%3) * time.Millisecond / 2)
				return i, nil
			})
			if err == nil && v != i {
				t.Errorf("call %d got the answer to %d", i, v)
			}
			l.Stuck()
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool { return len(l.Stuck()) == 0 }, 10*time.Second, time.Millisecond)
}

// counted is something open.
type counted struct{ closed *atomic.Int32 }

func (c counted) Close() error {
	c.closed.Add(1)
	return nil
}

// What was opened is closed if and only if the caller does not get it, however
// close together its coming and the context's end are.
func TestOpen(t *testing.T) {
	l := park.New(0, nil)
	var closed, opened, got atomic.Int32
	for n := range 2000 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%50)*time.Microsecond)
		_, err := park.Open(ctx, l, "socket", func() (counted, error) {
			opened.Add(1)
			return counted{&closed}, nil
		})
		cancel()
		if err == nil {
			got.Add(1)
		}
	}
	require.Eventually(t, func() bool { return closed.Load() == opened.Load()-got.Load() }, 5*time.Second, time.Millisecond)

	_, err := park.Open(t.Context(), l, "socket", func() (counted, error) { return counted{}, errDead })
	require.ErrorIs(t, err, errDead)
}

func TestOpenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := park.New(0, nil)
		var closed atomic.Int32
		release := make(chan struct{})
		_, err := park.Open(within(t, time.Second), l, "socket", func() (counted, error) {
			<-release
			return counted{&closed}, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, closed.Load())
		close(release)
		synctest.Wait()
		require.EqualValues(t, 1, closed.Load())
	})
}
