//go:build linux

package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/park"
)

func TestExec(t *testing.T) {
	run := Exec()
	tests := []struct {
		name string
		argv []string
		want Result
	}{
		{"output", []string{"sh", "-c", "echo out; echo err >&2"}, Result{Stdout: []byte("out\n"), Stderr: []byte("err\n")}},
		{"status is no error", []string{"sh", "-c", "echo no; exit 3"}, Result{Stdout: []byte("no\n"), Code: 3}},
		{"language", []string{"sh", "-c", "echo $LC_ALL"}, Result{Stdout: []byte("C\n")}},
		{"empty input", []string{"cat"}, Result{}},
		{"no shell", []string{"echo", "$(id); `id`"}, Result{Stdout: []byte("$(id); `id`\n")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := run(t.Context(), tt.argv...)
			require.NoError(t, err)
			require.Equal(t, string(tt.want.Stdout), string(got.Stdout))
			require.Equal(t, string(tt.want.Stderr), string(got.Stderr))
			require.Equal(t, tt.want.Code, got.Code)
		})
	}
}

func TestExecErrors(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		run  Runner
		argv []string
		want error
	}{
		{"no such program", t.Context(), Exec(), []string{"no-such-program-here"}, fs.ErrNotExist},
		{"no such program in the root", t.Context(), Exec(WithRoot(t.TempDir())), []string{"multipath"}, fs.ErrNotExist},
		{"nothing to run", t.Context(), Exec(), nil, fs.ErrInvalid},
		{"context over", over, Exec(), []string{"true"}, context.Canceled},
		{"too much", t.Context(), Exec(WithLimit(10)), []string{"echo", "12345678901234567890"}, ErrOutput},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.run(tt.ctx, tt.argv...)
			require.ErrorIs(t, err, tt.want)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.argv, e.Argv)
			require.Zero(t, got)
		})
	}
}

func TestExecSignal(t *testing.T) {
	_, err := Exec()(t.Context(), "sh", "-c", "kill -9 $$")
	require.ErrorContains(t, err, "signal: killed")
}

// A program that outlives its time is killed with everything it started.
func TestExecDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := Exec()(ctx, "sh", "-c", "echo half >&2; sleep 60 & sleep 60")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 5*time.Second)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "half\n", e.Stderr)
	require.Zero(t, e.Stuck)
}

// A grandchild that keeps the output open does not keep the caller.
func TestExecGrandchild(t *testing.T) {
	began := time.Now()
	got, err := Exec(WithGrace(100*time.Millisecond))(t.Context(), "sh", "-c", "echo done; sleep 5 &")
	require.NoError(t, err)
	require.Equal(t, "done\n", string(got.Stdout))
	require.Less(t, time.Since(began), 4*time.Second)
}

// Nor does one in a session of its own, which the kill does not reach, make a
// program that was killed one that does not end.
func TestExecGrandchildOutlivesKill(t *testing.T) {
	lot := park.New(0, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := Exec(WithLot(lot), WithGrace(2*time.Second))(ctx, "sh", "-c", "setsid sleep 5 & echo half >&2; sleep 60")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 4*time.Second)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "half\n", e.Stderr)
	require.Zero(t, e.Stuck)
	require.Empty(t, lot.Stuck())
}

// A program that does not end by the kill is left behind, named, and not
// started twice while it is there.
func TestExecStuck(t *testing.T) {
	ended := make(chan park.Late, 1)
	lot := park.New(1, func(l park.Late) { ended <- l })
	run := Exec(WithLot(lot), WithGrace(20*time.Millisecond), func(e *executor) { e.kill = func(int) {} })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := run(ctx, "sleep", "1")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotZero(t, e.Stuck)
	require.Len(t, lot.Stuck(), 1)

	_, err = run(t.Context(), "sleep", "1")
	var stuck *park.StuckError
	require.ErrorAs(t, err, &stuck)
	<-ended
	_, err = run(t.Context(), "sleep", "0")
	require.NoError(t, err)
}

// A program on a file system that hangs keeps nobody, and is not looked for
// twice at once.
func TestExecLookupStuck(t *testing.T) {
	lot := park.New(0, nil)
	answer := make(chan struct{})
	var begun atomic.Int32
	run := Exec(WithLot(lot), func(e *executor) {
		e.find = func(root, name string) (string, error) {
			begun.Add(1)
			<-answer
			return find(root, name)
		}
	})
	for _, word := range []string{"a", "b"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := run(ctx, "echo", word)
		cancel()
		var stuck *park.StuckError
		require.ErrorAs(t, err, &stuck)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Zero(t, e.Stuck)
	}
	require.EqualValues(t, 1, begun.Load())
	require.Len(t, lot.Stuck(), 1)
	require.Equal(t, "find echo", lot.Stuck()[0].Key)

	close(answer)
	got, err := run(t.Context(), "echo", "c")
	require.NoError(t, err)
	require.Equal(t, "c\n", string(got.Stdout))
	require.Empty(t, lot.Stuck())
}

func TestExecRefusesWhatIsStuck(t *testing.T) {
	lot := park.New(1, nil)
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := park.Do(ctx, lot, "multipath -f mpathb #1", func() (int, error) { <-release; return 0, nil })
	require.Error(t, err)

	run := Exec(WithLot(lot))
	_, err = run(t.Context(), "multipath", "-f", "mpathb")
	var stuck *park.StuckError
	require.True(t, errors.As(err, &stuck), "%v", err)
	_, err = run(t.Context(), "true")
	var full *park.LimitError
	require.True(t, errors.As(err, &full), "%v", err)
}

func TestErrorText(t *testing.T) {
	e := &Error{Argv: []string{"multipath", "-f", "mpathb"}, Stuck: 4711, Err: os.ErrDeadlineExceeded}
	for _, part := range []string{"multipath -f mpathb", "i/o timeout", "4711"} {
		if !strings.Contains(e.Error(), part) {
			t.Fatalf("%q lacks %q", e.Error(), part)
		}
	}
}
