package remediate_test

import (
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
)

// A survey opens each attribute once, but for those of dead LUs: what stands on
// these is looked at once more at the end. It sends each command once to each
// disk, asks multipathd one question, and starts no program. All that whatever
// the number of maps.
func TestSurveyIsOnePass(t *testing.T) {
	for _, maps := range []int{10, 40} {
		h := newBigHost(t, maps, 4, 5)
		daemon := newSocketDaemon(t, h.printed)
		sys := h.system(t)
		sys.Daemon = multipath.NewAuto(
			multipath.NewSocket(h.root, multipath.WithAddress(daemon.address)),
			multipath.NewCommand(func(_ context.Context, argv ...string) (multipath.RunResult, error) {
				t.Errorf("a program was started: %v", argv)
				return multipath.RunResult{}, errors.New("not here")
			}), nil)
		s, err := remediate.New(remediate.WithSystem(sys), remediate.WithOwner(mine()))
		require.NoError(t, err)

		opened := watchOpens(t, h.root)
		sv, err := s.Survey(t.Context())
		require.NoError(t, err)
		require.Len(t, sv.Residual(), maps/10)

		require.Equal(t, []string{"show topology"}, daemon.heard())
		for key, n := range h.commands() {
			if n != 1 {
				t.Errorf("%d maps: command %s was sent %d times", maps, key, n)
			}
		}
		counts := opened()
		require.Greater(t, len(counts), maps*4*10, "the attributes of %d disks", maps*4)
		for path, n := range counts {
			if n > 1 && !(n == 2 && h.ofLost(path)) {
				t.Errorf("%d maps: %s was opened %d times", maps, path, n)
			}
		}
	}
}

// ofLost reports whether a file is an attribute of a dead LU's block device.
func (h *bigHost) ofLost(path string) bool {
	for m := range h.maps {
		if !h.lost(m) {
			continue
		}
		for p := range h.paths {
			if strings.Contains(path, "/block/"+h.disk(m, p)+"/") {
				return true
			}
		}
		if strings.Contains(path, "/block/"+h.dm(m)+"/") {
			return true
		}
	}
	return false
}

// watchOpens counts how often each file below root is opened from now on, until
// the returned function is called.
func watchOpens(t *testing.T, root string) func() map[string]int {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	dirs := map[int32]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		// With the close in between, no two opens of a file are taken for one.
		wd, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|unix.IN_CLOSE_NOWRITE)
		dirs[int32(wd)] = path
		return err
	}))
	return func() map[string]int {
		counts := map[string]int{}
		buf := make([]byte, 1<<20)
		for {
			n, err := unix.Read(fd, buf)
			if err != nil || n <= 0 {
				return counts
			}
			for at := 0; at < n; {
				e := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at]))
				name := string(buf[at+unix.SizeofInotifyEvent : at+unix.SizeofInotifyEvent+int(e.Len)])
				at += unix.SizeofInotifyEvent + int(e.Len)
				require.Zero(t, e.Mask&unix.IN_Q_OVERFLOW, "more was opened than can be counted")
				if e.Mask&unix.IN_OPEN != 0 && e.Mask&unix.IN_ISDIR == 0 {
					counts[filepath.Join(dirs[e.Wd], strings.TrimRight(name, "\x00"))]++
				}
			}
		}
	}
}

// A socketDaemon is the socket of a multipathd that knows one topology.
type socketDaemon struct {
	address string

	mu     sync.Mutex
	orders []string
}

func newSocketDaemon(t *testing.T, topology string) *socketDaemon {
	t.Helper()
	d := &socketDaemon{address: filepath.Join(shortDir(t), "socket")}
	l, err := net.Listen("unix", d.address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c, topology)
		}
	}()
	return d
}

// serve answers orders, each a length and a text that ends with a NUL.
func (d *socketDaemon) serve(c net.Conn, topology string) {
	defer c.Close()
	for {
		var size [8]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		order := make([]byte, binary.NativeEndian.Uint64(size[:]))
		if _, err := io.ReadFull(c, order); err != nil {
			return
		}
		d.mu.Lock()
		d.orders = append(d.orders, strings.TrimRight(string(order), "\x00"))
		d.mu.Unlock()
		binary.NativeEndian.PutUint64(size[:], uint64(len(topology)+1))
		if _, err := c.Write(append(append(size[:], topology...), 0)); err != nil {
			return
		}
	}
}

func (d *socketDaemon) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.orders
}
