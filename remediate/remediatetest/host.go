package remediatetest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Host is one simulated host. Make it with [New], [Open] or [OpenPreset].
type Host struct {
	test     tester
	dir      string // everything is below; the host's root is dir/root
	own      bool   // dir is ours to remove
	hostname string
	bootID   string
	patience time.Duration

	mu      sync.Mutex
	changed *sync.Cond // something happened that a sleeper in the kernel may wait for
	closed  bool
	err     error
	log     []action
	hooks   []*hook
	crash   crash    // of the program that comes next
	last    *program // that a crash was set for

	targets []*Target
	lus     []*LU
	disks   map[string]*disk // by kernel name
	maps    map[string]*Map  // every dm device, by kernel name
	procs   map[int]*process // by pid
	mounts  []mount
	swaps   []string // kernel names
	held    []string // kernel names of what is open in no list
	claims  []string // of these, what is held exclusively
	daemon  daemon
	diskseq uint64
	nextNS  uint64
}

// tester is what [New] needs of *testing.T, so that this package does not
// import testing.
type tester interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// New returns a host that has booted and has a local disk sda with / on it. It
// goes with the test.
func New(t tester) *Host {
	t.Helper()
	h := newHost(t.TempDir())
	h.test = t
	h.boot()
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// Open is [New] for programs. The host's files are put into dir, or, where dir
// is "", into a new directory that Close removes.
func Open(dir string) (*Host, error) {
	own := dir == ""
	if own {
		var err error
		if dir, err = os.MkdirTemp("", "host-"); err != nil {
			return nil, err
		}
	}
	h := newHost(dir)
	h.own = own
	h.boot()
	if err := h.Err(); err != nil {
		_ = h.Close()
		return nil, err
	}
	return h, nil
}

func newHost(dir string) *Host {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // the links in the tree are relative
	}
	h := &Host{
		dir: dir, hostname: "worker-3", bootID: "5b1f0c62-7d9e-4c0a-9a41-3f2d8c6b7e10", patience: 5 * time.Second,
		disks: map[string]*disk{}, maps: map[string]*Map{}, procs: map[int]*process{},
		nextNS: hostNS,
	}
	h.changed = sync.NewCond(&h.mu)
	h.daemon.running = true
	return h
}

// Close lets everything that is stuck come back, with an error, and removes the
// host's files where [Open] made their directory.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.changed.Broadcast()
	h.mu.Unlock()
	if h.own {
		return os.RemoveAll(h.dir)
	}
	return nil
}

// Err returns the first thing that went wrong in setting up or running the
// host, nil if nothing did.
func (h *Host) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Tree returns the directory that stands for the host's root.
func (h *Host) Tree() string { return filepath.Join(h.dir, "root") }

// Rename gives the host another name.
func (h *Host) Rename(name string) { h.set(func() { h.hostname = name; h.writeHost() }) }

// Reboot gives the host another boot id. Everything else stays.
func (h *Host) Reboot(bootID string) { h.set(func() { h.bootID = bootID; h.writeHost() }) }

// set changes the host, and wakes whoever sleeps in its kernel.
func (h *Host) set(change func()) {
	h.mu.Lock()
	change()
	h.changed.Broadcast()
	err := h.err
	h.mu.Unlock()
	h.check(err)
}

// check ends the test over an error.
func (h *Host) check(err error) {
	if err != nil && h.test != nil {
		h.test.Helper()
		h.test.Fatalf("simulated host: %v", err)
	}
}

// fail keeps the first error.
func (h *Host) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

func (h *Host) failf(text string) { h.fail(errors.New(text)) }

// boot makes what every host has.
func (h *Host) boot() {
	h.set(func() {
		h.makeRoot()
		h.writeHost()
		h.startProcess(1, "systemd", hostNS, idle)
	})
	ata := h.Controller(0)
	h.LU("5002538e40a1b2c3", 240<<30, "ATA", "SAMSUNG MZ7LH240").Path("sda", ata, 0)
	h.Partition("sda", 1, "sda1")
	h.Mount("sda1", "/")
}
