package multipath

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A fakeDaemon speaks multipathd's protocol on a socket of the test's own. Its
// frames come in pieces, as they may.
type fakeDaemon struct {
	listener net.Listener
	addr     string

	mu    sync.Mutex
	words []string
	conns []net.Conn
	reply func(order string) string // set before the first order; silence ends the wait of nobody
}

// silence is a reply that never comes.
const silence = "\x00silence"

func newFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	return fakeDaemonAt(t, filepath.Join(shortDir(t), "s"))
}

// shortDir is a t.TempDir, which itself can be too long for a socket's path.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func fakeDaemonAt(t *testing.T, addr string) *fakeDaemon {
	t.Helper()
	d := &fakeDaemon{addr: addr, reply: func(string) string { return "ok\n" }}
	var err error
	d.listener, err = net.Listen("unix", addr)
	require.NoError(t, err)
	go d.serve()
	t.Cleanup(d.stop)
	return d
}

func (d *fakeDaemon) client() *Socket { return NewSocket("/nowhere", WithAddress(d.addr)) }

func (d *fakeDaemon) stop() {
	d.listener.Close()
	d.hangUp()
}

func (d *fakeDaemon) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
	d.conns = nil
}

func (d *fakeDaemon) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.words)
}

func (d *fakeDaemon) serve() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns = append(d.conns, c)
		d.mu.Unlock()
		go d.talk(c)
	}
}

func (d *fakeDaemon) talk(c net.Conn) {
	for {
		order, err := readFrame(c)
		if err != nil {
			return
		}
		d.mu.Lock()
		d.words = append(d.words, order)
		d.mu.Unlock()
		text := d.reply(order)
		if text == silence {
			continue
		}
		head := make([]byte, wordSize)
		putSize(head, uint64(len(text)+1))
		for _, piece := range [][]byte{head[:3], head[3:], []byte(text[:len(text)/2]), []byte(text[len(text)/2:] + "\x00")} {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
}

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

func TestSocketNobody(t *testing.T) {
	dir := t.TempDir()
	s := NewSocket(dir)
	require.NotContains(t, s.addrs, abstractAddress, "a simulated host must not reach this machine's daemon")
	require.Contains(t, NewSocket("/").addrs, abstractAddress)
	_, err := s.Topology(t.Context())
	require.ErrorIs(t, err, ErrNoDaemon)
	require.ErrorIs(t, s.Flush(t.Context(), "mpathb"), ErrNoDaemon)

	d := newFakeDaemon(t)
	d.stop()
	require.ErrorIs(t, d.client().Flush(t.Context(), "mpathb"), ErrNoDaemon)
}

// A host's daemon is found under the root of its file system, wherever its
// version listens.
func TestSocketRoot(t *testing.T) {
	for _, path := range []string{"run/multipathd.socket", "var/run/multipathd.sock"} {
		root := shortDir(t)
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o700))
		d := fakeDaemonAt(t, filepath.Join(root, path))
		require.NoError(t, NewSocket(root).DisableQueueing(t.Context(), "mpathb"), path)
		require.Equal(t, []string{"show daemon", "disablequeueing map mpathb"}, d.said(), path)
	}
}

// hangingDial makes s look up addr on a file system that does not answer before
// the test ends, or free is closed, and counts how often that is begun.
func hangingDial(t *testing.T, s *Socket, addr string) (free func(), begun *atomic.Int32) {
	t.Helper()
	begun = new(atomic.Int32)
	answer := make(chan struct{})
	free = sync.OnceFunc(func() { close(answer) })
	t.Cleanup(free)
	s.dial = func(ctx context.Context, a string) (net.Conn, error) {
		if a == addr {
			begun.Add(1)
			<-answer
			ctx = context.Background() // connect(2) knows nothing of a context
		}
		return dialUnix(ctx, a)
	}
	return free, begun
}

// A host without multipathd whose /var hangs: each call ends, one connect(2)
// stays behind and is named, and a connection that comes of it in the end is
// closed.
func TestSocketFileSystemHangs(t *testing.T) {
	root := shortDir(t)
	dir := filepath.Join(root, "var/run")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	d := fakeDaemonAt(t, filepath.Join(dir, "multipathd.sock"))
	s := NewSocket(root)
	free, begun := hangingDial(t, s, d.addr)
	require.Empty(t, s.Stuck())
	for range 2 {
		for name, call := range map[string]func(context.Context) error{
			"Topology": func(ctx context.Context) error { _, err := s.Topology(ctx); return err },
			"Flush":    func(ctx context.Context) error { return s.Flush(ctx, "mpathb") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
			err := call(ctx)
			cancel()
			require.True(t, silent(err), "%s: %v", name, err)
			require.False(t, Uncertain(err), name)
			require.ErrorContains(t, err, d.addr, name)
		}
	}
	require.EqualValues(t, 1, begun.Load())
	require.Len(t, s.Stuck(), 1)
	require.Equal(t, "connect to "+d.addr, s.Stuck()[0].What)
	require.Equal(t, s.Stuck(), NewAuto(s, NewCommand(nil), nil).Stuck())

	free()
	require.Eventually(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.conns) == 1 && hungUp(d.conns[0])
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, s.DisableQueueing(t.Context(), "mpathb"))
	require.Empty(t, s.Stuck())
}

// hungUp reports whether the peer has closed the connection.
func hungUp(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// Where the file system of one socket hangs, the daemon is found at the next.
func TestSocketPassesWhatHangs(t *testing.T) {
	d := newFakeDaemon(t)
	s := NewSocket("/nowhere", WithAddress("/hangs", d.addr))
	hangingDial(t, s, "/hangs")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Flush(ctx, "mpathb"), ErrSilent)
	require.NoError(t, s.Flush(t.Context(), "mpathb"), "the second time nobody waits for it any more")
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

func TestFrame(t *testing.T) {
	_, err := frame(strings.Repeat("x", 512))
	require.Error(t, err)
	b, err := frame("show daemon")
	require.NoError(t, err)
	got, err := readFrame(strings.NewReader(string(b)))
	require.NoError(t, err)
	require.Equal(t, "show daemon", got)

	long := make([]byte, wordSize)
	putSize(long, longestTell)
	for name, tt := range map[string]struct {
		in   string
		want error
	}{
		"nothing":     {"", io.EOF},
		"half a head": {string(b[:3]), io.ErrUnexpectedEOF},
		"half a text": {string(b[:len(b)-4]), io.ErrUnexpectedEOF},
		"length 0":    {string(make([]byte, wordSize)), ErrReply},
		"too long":    {string(long), ErrReply},
		"no NUL":      {string(b[:len(b)-1]) + "x", ErrReply},
	} {
		_, err := readFrame(strings.NewReader(tt.in))
		require.ErrorIs(t, err, tt.want, name)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"ok\n", "fail\n", "fail\ntimeout\n", "timeout\n", "permission deny: need to be root", "multipath-tools v0.9.4\nCLI commands reference:\n", "", "sdi\t1:0:0:1\tmpatha\t3600\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if verdict(s) == nil && trouble(s) != nil {
			t.Fatal("an error of the daemon's taken for a success")
		}
		if paths, err := parsePaths(s); err != nil && paths != nil {
			t.Fatal("paths beside an error")
		}
		if body, err := readFrame(strings.NewReader(s)); err != nil && body != "" {
			t.Fatal("a text beside an error")
		}
	})
}
