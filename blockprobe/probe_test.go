package blockprobe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/park"
)

// answer is a device that answers at once.
func answer(n int, err error) blockprobe.Option {
	return blockprobe.WithRead(func(string, []byte) (int, error) { return n, err })
}

// queueing is a device that answers EIO when release is closed. reads counts
// the reads that were started.
func queueing(release <-chan struct{}, reads *atomic.Int32) blockprobe.Option {
	return blockprobe.WithRead(func(path string, _ []byte) (int, error) {
		reads.Add(1)
		<-release
		return 0, &fs.PathError{Op: "read", Path: path, Err: syscall.EIO}
	})
}

func dm(key string) blockprobe.Target {
	return blockprobe.Target{Node: "/dev/dm-12", Key: key, Usable: -1}
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name string
		n    int
		err  error
		want blockprobe.Outcome
	}{
		{"a mebibyte", 1 << 20, nil, blockprobe.Readable},
		{"a short device", 512, nil, blockprobe.Readable},
		{"nothing", 0, nil, blockprobe.Unreadable},
		{"no path, or 05/25/00", 0, syscall.EIO, blockprobe.Unreadable},
		{"open of an offline disk", 0, syscall.ENXIO, blockprobe.Unreadable},
		{"offline", 0, syscall.ENODEV, blockprobe.Unreadable},
		{"time-out", 0, syscall.ETIMEDOUT, blockprobe.Unreadable},
		{"no node", 0, syscall.ENOENT, blockprobe.Other},
		{"not allowed", 0, syscall.EACCES, blockprobe.Other},
		{"not permitted", 0, syscall.EPERM, blockprobe.Other},
		{"no direct i/o", 0, syscall.EINVAL, blockprobe.Other},
		{"no descriptors left", 0, syscall.EMFILE, blockprobe.Other},
		{"no memory", 0, syscall.ENOMEM, blockprobe.Other},
		{"busy", 0, syscall.EBUSY, blockprobe.Other},
		{"not here", 0, errors.ErrUnsupported, blockprobe.Other},
		{"no errno", 0, errors.New("odd"), blockprobe.Other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = &fs.PathError{Op: "read", Path: "/dev/dm-12", Err: err}
			}
			r := blockprobe.New(answer(tt.n, err)).Probe(t.Context(), dm(""))
			require.Equal(t, tt.want, r.Outcome, r.Reason)
			require.Equal(t, tt.n, r.Bytes)
			require.NotEmpty(t, r.Reason)
			require.Zero(t, r.Since)
			if tt.err != nil {
				require.ErrorIs(t, r.Err, tt.err)
			}
			require.Equal(t, tt.want == blockprobe.Readable, r.Err == nil)
		})
	}
}

func TestSkipped(t *testing.T) {
	p := blockprobe.New(blockprobe.WithRead(func(string, []byte) (int, error) {
		t.Error("read from a map that must hang")
		return 0, nil
	}))
	r := p.Probe(t.Context(), blockprobe.Target{Node: "/dev/dm-12", Queueing: true, Usable: 0})
	require.Equal(t, blockprobe.Skipped, r.Outcome)
	require.NoError(t, r.Err)

	p = blockprobe.New(answer(512, nil))
	for _, may := range []blockprobe.Target{{Queueing: true, Usable: 1}, {Queueing: true, Usable: -1}, {}} {
		require.Equal(t, blockprobe.Readable, p.Probe(t.Context(), may).Outcome, "%+v", may)
	}
}

func TestHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		var lates []blockprobe.Late
		release := make(chan struct{})
		p := blockprobe.New(queueing(release, &reads), blockprobe.WithLate(func(l blockprobe.Late) { lates = append(lates, l) }))
		began := time.Now()

		r := p.Probe(t.Context(), dm("mpathb"))
		want := blockprobe.Result{
			Outcome: blockprobe.Hung, Took: 5 * time.Second, Since: began,
			Reason: "mpathb: no answer after 5s",
		}
		require.Empty(t, cmp.Diff(want, r, cmpopts.IgnoreFields(r, "Err")))
		require.ErrorIs(t, r.Err, context.DeadlineExceeded)
		var stuck *park.StuckError
		require.ErrorAs(t, r.Err, &stuck)
		require.Equal(t, []blockprobe.Stuck{{Key: "mpathb", Since: began}}, p.Stuck())

		r = p.Probe(t.Context(), dm("mpathb"))
		require.Equal(t, blockprobe.Hung, r.Outcome)
		require.Equal(t, began, r.Since, "the read that is stuck is the first one")
		require.Zero(t, r.Took, "a second time costs nothing")
		require.EqualValues(t, 1, reads.Load(), "and starts nothing")

		time.Sleep(time.Minute)
		close(release) // fail_if_no_path
		synctest.Wait()
		require.Len(t, lates, 1)
		require.Equal(t, blockprobe.Unreadable, lates[0].Outcome)
		require.Equal(t, 65*time.Second, lates[0].Took)
		require.ErrorIs(t, lates[0].Err, syscall.EIO)
		require.Empty(t, p.Stuck())
		require.Equal(t, blockprobe.Unreadable, p.Probe(t.Context(), dm("mpathb")).Outcome)
		require.EqualValues(t, 2, reads.Load())
	})
}

func TestLateDataIsReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late blockprobe.Late
		p := blockprobe.New(
			blockprobe.WithTimeout(time.Second),
			blockprobe.WithLate(func(l blockprobe.Late) { late = l }),
			blockprobe.WithRead(func(string, []byte) (int, error) { time.Sleep(time.Hour); return 512, nil }),
		)
		require.Equal(t, blockprobe.Hung, p.Probe(t.Context(), dm("")).Outcome)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, blockprobe.Readable, late.Outcome)
		require.Equal(t, "/dev/dm-12", late.Key, "without a key it is the node")
		require.NoError(t, late.Err)
	})
}

// A caller in a hurry must not make a healthy device look hung.
func TestGivenUpEarlyIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		release := make(chan struct{})
		defer close(release)
		p := blockprobe.New(queueing(release, &reads))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		r := p.Probe(ctx, dm("mpathb"))
		require.Equal(t, blockprobe.Unknown, r.Outcome)
		require.Equal(t, "given up after 1s of 5s", r.Reason)
		require.Equal(t, began, r.Since, "but it is there")
		require.Len(t, p.Stuck(), 1)

		time.Sleep(4 * time.Second)
		r = p.Probe(t.Context(), dm("mpathb"))
		require.Equal(t, blockprobe.Hung, r.Outcome, "now it has had its time")
		require.EqualValues(t, 1, reads.Load())
	})
}

func TestNothingIsReadUnderAnEndedContext(t *testing.T) {
	var reads atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := blockprobe.New(queueing(nil, &reads)).Probe(ctx, dm(""))
	require.Equal(t, blockprobe.Unknown, r.Outcome)
	require.ErrorIs(t, r.Err, context.Canceled)
	require.Zero(t, r.Since)
	require.Zero(t, reads.Load())
}

// Thirty hung maps cost one time-out together, and no more threads than the
// limit.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maps, limit = 30, 4
		var reads atomic.Int32
		release := make(chan struct{})
		defer close(release)
		p := blockprobe.New(blockprobe.WithLimit(limit), queueing(release, &reads))
		began := time.Now()
		results := make(chan blockprobe.Result, maps)
		for i := range maps {
			go func() { results <- p.Probe(t.Context(), dm(fmt.Sprint("mpath", i))) }()
		}
		got := map[blockprobe.Outcome]int{}
		for range maps {
			got[(<-results).Outcome]++
		}
		require.Equal(t, map[blockprobe.Outcome]int{blockprobe.Hung: limit, blockprobe.Unknown: maps - limit}, got)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.EqualValues(t, limit, reads.Load())
		require.Len(t, p.Stuck(), limit)
	})
}

func TestBuffer(t *testing.T) {
	p := blockprobe.New(blockprobe.WithRead(func(_ string, buf []byte) (int, error) {
		if len(buf) != 1<<20 || cap(buf) != len(buf) {
			t.Errorf("room for %d of %d bytes", len(buf), cap(buf))
		}
		if at := uintptr(unsafe.Pointer(&buf[0])); at%(64<<10) != 0 {
			t.Errorf("buffer at %#x is not aligned", at)
		}
		return len(buf), nil
	}))
	for range 8 {
		require.Equal(t, 1<<20, p.Probe(t.Context(), dm("")).Bytes)
	}
}

func TestOutcomeText(t *testing.T) {
	var zero blockprobe.Outcome
	require.Equal(t, blockprobe.Unknown, zero)
	for o := range blockprobe.Other + 3 {
		text, err := json.Marshal(o)
		require.NoError(t, err)
		got := blockprobe.Readable
		require.NoError(t, json.Unmarshal(text, &got))
		want := o
		if o > blockprobe.Other {
			want = blockprobe.Unknown
		}
		require.Equal(t, want, got, string(text))
	}
	got := blockprobe.Readable
	require.EqualError(t, got.UnmarshalText([]byte("fine")),
		`probe outcome "fine": not one of [unknown readable unreadable hung skipped other]`)
	require.Equal(t, blockprobe.Unknown, got)
}

func FuzzOutcome(f *testing.F) {
	for o := range blockprobe.Other + 1 {
		f.Add(o.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := blockprobe.Other
		if err := o.UnmarshalText([]byte(text)); err != nil && o != blockprobe.Unknown {
			t.Errorf("an error and %v", o)
		} else if err == nil && o.String() != text {
			t.Errorf("%q became %v", text, o)
		}
	})
}
