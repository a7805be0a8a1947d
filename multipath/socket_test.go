package multipath

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestSocketOrders(t *testing.T) {
	tests := []struct {
		name  string
		reply map[string]string
		want  error
	}{
		{"done", nil, nil},
		{"done, before 0.8.8", map[string]string{"del map": ""}, nil},
		{"in use, 0.9.8", map[string]string{"del map": "fail\nmap or partition in use\n"}, ErrInUse},
		{"no such map, 0.9.8", map[string]string{"del map": "fail\ndevice not found\n"}, ErrNoMap},
		{"busy", map[string]string{"del map": "timeout\n"}, ErrBusy},
		{"busy, 0.9.8", map[string]string{"del map": "fail\ntimeout\n"}, ErrBusy},
		{"not root", map[string]string{"del map": "permission deny: need to be root"}, ErrPermission},
		{"not root, 0.9.8", map[string]string{"del map": "fail\npermission deny: need to be root\n"}, ErrPermission},
		{"not root, as the library says it", map[string]string{"del map": "permission deny: need to be root"}, fs.ErrPermission},
		{"unknown order", map[string]string{"del map": "multipath-tools v0.4.8\nCLI commands reference:\n list|show paths\n"}, ErrUnsupported},
		{"unknown order, as the library says it", map[string]string{"del map": "fail\nmultipath-tools v0.9.9\nCLI commands reference:\n"}, errors.ErrUnsupported},
		{"no reason, and it is there", map[string]string{"del map": "fail\n", "show maps": "mpatha\nmpathb\n"}, ErrRefused},
		{"no reason, and it is not there", map[string]string{"del map": "fail\n", "show maps": "mpathbc\nmpath\n"}, ErrNoMap},
		{"no reason, and there is none", map[string]string{"del map": "fail\n", "show maps": "ok\n"}, fs.ErrNotExist},
		{"no reason, and it does not say", map[string]string{"del map": "fail\n", "show maps": "timeout\n"}, ErrRefused},
		{"rubbish", map[string]string{"del map": "what?\n", "show maps": "mpathb\n"}, ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newFakeDaemon(t)
			d.reply = func(order string) string {
				for head, text := range tt.reply {
					if strings.HasPrefix(order, head) {
						return text
					}
				}
				return "ok\n"
			}
			err := d.client().Flush(t.Context(), "mpathb")
			require.ErrorIs(t, err, tt.want)
			require.False(t, Uncertain(err))
			require.Equal(t, []string{"show daemon", "del map mpathb"}, d.said()[:2])
			if tt.want != nil {
				var c *CommandError
				require.ErrorAs(t, err, &c)
				require.Equal(t, []string{"del", "map", "mpathb"}, c.Argv)
				require.Equal(t, "socket", c.Backend)
			}
		})
	}
}

func TestSocketSends(t *testing.T) {
	d := newFakeDaemon(t)
	s := d.client()
	require.NoError(t, s.DisableQueueing(t.Context(), "my map"))
	require.NoError(t, s.RestoreQueueing(t.Context(), "mpathb"))
	require.NoError(t, s.ForgetPath(t.Context(), "sdi"))
	require.NoError(t, s.Alive(t.Context()))
	const greeting = "show daemon"
	require.Equal(t, []string{
		greeting, `disablequeueing map "my map"`, greeting, "restorequeueing map mpathb", greeting, "del path sdi", "show daemon",
	}, d.said())
}

// A daemon that gives no sign of life gets no order: it would carry it out when
// it wakes, whatever the name means by then.
func TestSocketSilent(t *testing.T) {
	d := newFakeDaemon(t)
	d.reply = func(string) string { return silence }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := d.client().Flush(ctx, "mpathb")
	require.ErrorIs(t, err, ErrSilent)
	require.False(t, Uncertain(err))
	require.NoError(t, ctx.Err())
	require.Equal(t, []string{"show daemon"}, d.said())
}

func TestSocketTopology(t *testing.T) {
	const text = "mpathb (3600140512) dm-12 LIO-ORG,block\n" +
		"size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw\n" +
		"`-+- policy='service-time 0' prio=0 status=enabled\n" +
		"  `- 39:0:0:1 sdi 8:128 failed faulty running\n"
	for name, tt := range map[string]struct {
		reply string
		maps  int
		err   error
	}{
		"one map":            {text, 1, nil},
		"none":               {"ok\n", 0, nil},
		"none, before 0.8.8": {"", 0, nil},
		"busy":               {"timeout\n", 0, ErrBusy},
		"refused":            {"fail\n", 0, ErrRefused},
		"unknown":            {"multipath-tools v0.4.8\nCLI commands reference:\n", 0, ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDaemon(t)
			d.reply = func(string) string { return tt.reply }
			got, err := d.client().Topology(t.Context())
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				require.Nil(t, got)
				return
			}
			require.Len(t, got.Maps, tt.maps)
		})
	}
}

func TestSocketPaths(t *testing.T) {
	d := newFakeDaemon(t)
	d.reply = func(string) string {
		return "sdi\t39:0:0:1\tmy map\t1IET     00010001\nsdj\t39:0:0:2\t[orphan]\t\nsdk\t#:#:#:#\t[offline]\t3600\n"
	}
	got, err := d.client().Paths(t.Context())
	require.NoError(t, err)
	want := []DaemonPath{
		{Dev: "sdi", HCTL: "39:0:0:1", Map: "my map", WWID: "1IET     00010001"},
		{Dev: "sdj", HCTL: "39:0:0:2"},
		{Dev: "sdk", HCTL: "#:#:#:#", WWID: "3600"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	d.reply = func(string) string { return "sdi 39:0:0:1\n" }
	_, err = d.client().Paths(t.Context())
	require.ErrorIs(t, err, ErrReply)
	d.reply = func(string) string { return "ok\n" }
	got, err = d.client().Paths(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
}

// After a time-out the connection is dropped, so that the late reply cannot be
// taken for that to the next order.
func TestSocketAfterTimeout(t *testing.T) {
	d := newFakeDaemon(t)
	release := make(chan struct{})
	d.reply = func(order string) string {
		if strings.HasPrefix(order, "del map") {
			<-release
			return "fail\nmap or partition in use\n"
		}
		return "ok\n"
	}
	s := d.client()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.Flush(ctx, "mpathb")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, Uncertain(err), "the daemon has heard it: %v", err)
	close(release)
	require.NoError(t, s.DisableQueueing(t.Context(), "mpathb"))

	d.reply = func(string) string { return silence }
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Topology(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, Uncertain(err), "a question changes nothing")
}

func TestSocketKeepsConnections(t *testing.T) {
	d := newFakeDaemon(t)
	s := d.client()
	for range 3 {
		require.NoError(t, s.Alive(t.Context()))
	}
	d.mu.Lock()
	require.Len(t, d.conns, 1)
	d.mu.Unlock()
	d.hangUp() // as a restart of the daemon does
	require.NoError(t, s.Alive(t.Context()))
	require.NoError(t, s.Close())
	require.NoError(t, s.Alive(t.Context()))
}

func TestSocketCancelled(t *testing.T) {
	d := newFakeDaemon(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := d.client().Flush(ctx, "mpathb")
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, Uncertain(err))
	_, err = d.client().Topology(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, d.said())
}

func TestSocketConcurrently(t *testing.T) {
	d := newFakeDaemon(t)
	d.reply = func(order string) string { return strings.TrimPrefix(order, "show ") + " is idle\n" }
	s := d.client()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := s.Alive(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
