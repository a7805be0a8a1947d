package multipath

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

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
