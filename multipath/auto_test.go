package multipath

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestAutoPrefersTheSocket(t *testing.T) {
	d := newFakeDaemon(t)
	k := newFakeKernel()
	a := NewAuto(d.client(), NewCommand(script{}.run), k.backend(t))
	require.Equal(t, "auto", a.Backend())
	require.NoError(t, a.DisableQueueing(t.Context(), "mpathb"))
	backend, why := a.Chosen()
	require.Equal(t, "socket", backend)
	require.Empty(t, why)
	require.Empty(t, k.asked)
}

// The daemon dies in mid-run, and comes back.
func TestAutoFallsBack(t *testing.T) {
	d := newFakeDaemon(t)
	up := d.addr
	s := d.client()
	k := newFakeKernel()
	a := NewAuto(s, NewCommand(script{"multipathd disablequeueing map mpathb": out(1, "", "")}.run), k.backend(t))
	require.NoError(t, a.DisableQueueing(t.Context(), "mpathb"))

	s.addrs = []string{up + ".gone"}
	require.NoError(t, a.DisableQueueing(t.Context(), "mpathb"))
	backend, why := a.Chosen()
	require.Equal(t, "dm", backend)
	require.Len(t, why, 2)
	require.Contains(t, why[0], "socket")
	require.Contains(t, why[1], "command")
	require.Equal(t, []string{"fail_if_no_path mpath-36002"}, k.asked)

	topology, err := a.Topology(t.Context())
	require.NoError(t, err)
	require.Len(t, topology.Maps, 3)
	require.NoError(t, a.ForgetPath(t.Context(), "sdi"))
	require.NoError(t, a.Flush(t.Context(), "mpathb"))

	s.addrs = []string{up}
	require.NoError(t, a.ForgetPath(t.Context(), "sdi"))
	require.Equal(t, "socket", a.Backend())
}

// A daemon that is stuck: everything goes round it, and not through the program
// that would ask it again.
func TestAutoStuckDaemon(t *testing.T) {
	d := newFakeDaemon(t)
	d.reply = func(string) string { return silence }
	k := newFakeKernel()
	ran := false
	run := func(context.Context, ...string) (RunResult, error) { ran = true; return RunResult{}, nil }
	a := NewAuto(d.client(), NewCommand(run), k.backend(t), WithPatience(50*time.Millisecond))
	require.NoError(t, a.DisableQueueing(t.Context(), "mpathb"))
	backend, why := a.Chosen()
	require.Equal(t, "dm", backend)
	require.Contains(t, strings.Join(why, "\n"), "asks the same multipathd")
	_, err := a.Topology(t.Context())
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	require.NoError(t, a.Flush(ctx, "mpathb"))
	require.Equal(t, []string{"fail_if_no_path mpath-36002", "remove mpath-36002 0x0"}, k.asked)
	require.False(t, ran)
}

// What a daemon that is stuck has in mind nobody else can tell: the kernel is no
// answer to what multipathd still lists.
func TestAutoPathsOfAStuckDaemon(t *testing.T) {
	k := newFakeKernel()
	for _, reply := range []string{silence, "timeout\n", "sdi\tnonsense\n"} {
		d := newFakeDaemon(t)
		d.reply = func(string) string { return reply }
		a := NewAuto(d.client(), nil, k.backend(t), WithPatience(50*time.Millisecond))
		_, err := a.Paths(t.Context())
		require.Error(t, err, reply)
		require.NotErrorIs(t, err, ErrNoDaemon, reply)
	}
	a := NewAuto(NewSocket("/nowhere", WithAddress(t.TempDir()+"/gone")), nil, k.backend(t))
	_, err := a.Paths(t.Context())
	require.NoError(t, err, "without a daemon there is nothing that it could have in mind")
}

// What becomes of a flush that multipathd has heard: where it says that it has
// not begun, the kernel does it; where it says nothing, it may still happen.
func TestAutoFlushHeard(t *testing.T) {
	for name, tt := range map[string]struct {
		reply string
		asked []string
		err   error
	}{
		"busy":  {"fail\ntimeout\n", []string{"remove mpath-36002 0x0"}, nil},
		"stuck": {silence, nil, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDaemon(t)
			d.reply = func(order string) string {
				if strings.HasPrefix(order, "del map") {
					return tt.reply
				}
				return "ok\n"
			}
			k := newFakeKernel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := NewAuto(d.client(), nil, k.backend(t)).Flush(ctx, "mpathb")
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.err != nil, Uncertain(err))
			require.Equal(t, tt.asked, k.asked)
		})
	}
}

// multipathd up to 0.9.7 says "fail" and no more; the kernel knows why.
func TestAutoExplainsARefusal(t *testing.T) {
	d := newFakeDaemon(t)
	d.reply = func(order string) string {
		if strings.HasPrefix(order, "show maps") {
			return "my map\nmpathb\ngone\n"
		}
		return "fail\n"
	}
	k := newFakeKernel()
	a := NewAuto(d.client(), nil, k.backend(t))
	require.ErrorIs(t, a.Flush(t.Context(), "mpathb"), ErrRefused)
	require.ErrorIs(t, a.Flush(t.Context(), "gone"), ErrNoMap)
	k.maps[1].open++
	require.ErrorIs(t, a.Flush(t.Context(), "my map"), ErrInUse)
	k.maps[1].open--
	k.maps[2].open = 1
	require.ErrorIs(t, a.Flush(t.Context(), "my map"), ErrInUse)
	require.Empty(t, k.asked)
}

// "ok" to restorequeueing may mean that nothing was done yet.
func TestAutoRestoresQueueing(t *testing.T) {
	k := newFakeKernel()
	a := NewAuto(newFakeDaemon(t).client(), nil, k.backend(t))
	require.NoError(t, a.RestoreQueueing(t.Context(), "my map"))
	require.Empty(t, k.asked, "it queues already")
	require.NoError(t, a.RestoreQueueing(t.Context(), "mpathb"))
	require.Empty(t, k.asked, "no path is usable: up to the daemon")
	k.maps[1].queue = false
	require.NoError(t, a.RestoreQueueing(t.Context(), "my map"))
	require.Equal(t, []string{"queue_if_no_path mpath-36001"}, k.asked)
}

func TestAutoWithNothing(t *testing.T) {
	a := NewAuto(nil, nil, nil)
	_, err := a.Topology(t.Context())
	require.ErrorIs(t, err, ErrNoDaemon)
	backend, why := a.Chosen()
	require.Empty(t, backend)
	require.Empty(t, why)
}

func TestAutoCancelled(t *testing.T) {
	d := newFakeDaemon(t)
	k := newFakeKernel()
	a := NewAuto(d.client(), nil, k.backend(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.DisableQueueing(ctx, "mpathb"), context.Canceled)
	require.Empty(t, d.said())
	require.Empty(t, k.asked)
}

// What the kernel was told past a multipathd that does not answer is taken back by it:
// whoever has the map queue again must know.
func TestAutoRestoresPastASilentDaemon(t *testing.T) {
	var told []string
	run := func(_ context.Context, argv ...string) (RunResult, error) {
		told = append(told, argv[len(argv)-1])
		if argv[len(argv)-1] == "daemon" {
			return RunResult{Stdout: []byte("pid 1 running\n")}, nil
		}
		return RunResult{Stdout: []byte("fail\ntimeout\n"), Code: 1}, nil
	}
	a := NewAuto(nil, NewCommand(run), nil)
	a.clients = append(a.clients, kernelAlone{})
	if err := a.RestoreQueueing(t.Context(), "mpathb"); !errors.Is(err, ErrBusy) {
		t.Errorf("%v: multipathd has not heard of it (%v)", err, told)
	}
}

type kernelAlone struct{ client }

func (kernelAlone) Backend() string                               { return "dm" }
func (kernelAlone) RestoreQueueing(context.Context, string) error { return nil }
