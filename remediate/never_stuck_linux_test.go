package remediate_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A stall is something of the host's, or of the caller's, that never answers.
type stall struct {
	name  string
	stuck string // what Stuck names while it lasts; "" where nothing is left behind
	// released says that Release of the host ends it.
	released bool
	on       func(t *testing.T, s *scenario, sys *remediate.System) []remediate.Option
}

// An entry is a public call of the library's that waits.
type entry struct {
	name string
	call func(ctx context.Context, sw *remediate.Sweeper, s *scenario, p *remediate.Plan) error
}

func entries() []entry {
	return []entry{
		{"Survey", func(ctx context.Context, sw *remediate.Sweeper, _ *scenario, _ *remediate.Plan) error {
			_, err := sw.Survey(ctx)
			return err
		}},
		{"Plan", func(ctx context.Context, sw *remediate.Sweeper, _ *scenario, _ *remediate.Plan) error {
			_, err := sw.Plan(ctx)
			return err
		}},
		{"Execute", func(ctx context.Context, sw *remediate.Sweeper, _ *scenario, p *remediate.Plan) error {
			_, err := sw.Execute(ctx, p)
			return err
		}},
		{"Verify", func(ctx context.Context, sw *remediate.Sweeper, _ *scenario, p *remediate.Plan) error {
			_, err := sw.Verify(ctx, p.Targets...)
			return err
		}},
		{"Clear", func(ctx context.Context, sw *remediate.Sweeper, s *scenario, _ *remediate.Plan) error {
			_, err := sw.Clear(ctx, s.lu.WWID())
			return err
		}},
		{"ClearLUN", func(ctx context.Context, sw *remediate.Sweeper, s *scenario, _ *remediate.Plan) error {
			_, err := sw.ClearLUN(ctx, remediate.Address{Target: "iqn.2003-01.org.example:a", LUN: 1}, s.healthy.WWID())
			return err
		}},
		{"VerifyIdentity", func(ctx context.Context, sw *remediate.Sweeper, s *scenario, _ *remediate.Plan) error {
			return sw.VerifyIdentity(ctx, "/dev/dm-11", s.healthy.WWID())
		}},
	}
}

func stalls() []stall {
	return []stall{
		{"nothing", "", false, func(*testing.T, *scenario, *remediate.System) []remediate.Option { return nil }},
		{"reads of 32 maps hang", "direct read of", true, func(_ *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			for i := range 32 {
				naa := fmt.Sprintf("6001405%025x", i)
				lu := s.LU(naa, gib, "LIO-ORG", "more").Path(fmt.Sprintf("sdx%c%c", 'a'+i/26, 'a'+i%26), s.a, uint64(100+i))
				s.Map("more"+naa[28:], fmt.Sprintf("dm-%d", 100+i), lu, remediatetest.Fail)
				s.HangRead(fmt.Sprintf("dm-%d", 100+i))
			}
			return nil
		}},
		{"an exclusive open hangs", "exclusive open of", false, func(t *testing.T, _ *scenario, sys *remediate.System) []remediate.Option {
			free := make(chan struct{})
			t.Cleanup(func() { close(free) })
			p := blockprobe.New(blockprobe.WithTimeout(100*time.Millisecond), blockprobe.WithClaim(func(string) error { <-free; return nil }))
			sys.Reader = slowClaims{sys.Reader, p}
			return nil
		}},
		{"a delete sleeps", "write to", true, func(_ *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			s.StuckDelete("sdi")
			s.StuckDelete("sdj")
			return nil
		}},
		{"a flush waits in suspend", "", false, func(_ *testing.T, s *scenario, sys *remediate.System) []remediate.Option {
			sys.Daemon = &sleepyFlush{Command: sys.Daemon.(*multipath.Command), s: s}
			return nil
		}},
		{"the daemon accepts and never answers", "", false, func(t *testing.T, s *scenario, sys *remediate.System) []remediate.Option {
			address := filepath.Join(shortDir(t), "socket")
			l, err := net.Listen("unix", address)
			if err == nil {
				t.Cleanup(func() { l.Close() })
				sys.Daemon = multipath.NewSocket(s.Tree(), multipath.WithAddress(address))
			}
			return nil
		}},
		{"a program is in D state", "", false, func(_ *testing.T, _ *scenario, sys *remediate.System) []remediate.Option {
			sys.Daemon = multipath.NewCommand(func(ctx context.Context, argv ...string) (multipath.RunResult, error) {
				<-ctx.Done()
				time.Sleep(100 * time.Millisecond) // from its kill to giving it up
				return multipath.RunResult{}, fmt.Errorf("%s: %w", argv[0], ctx.Err())
			})
			return nil
		}},
		{"a link stays in /dev/disk/by-id", "", false, func(_ *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			s.After("sdj delete", func() {
				_ = os.Symlink("../../sdj", filepath.Join(s.Tree(), "dev/disk/by-id/wwn-0x"+s.lu.WWID()[1:]))
			})
			return nil
		}},
		{"the owner never returns", "owner of", false, func(t *testing.T, _ *scenario, _ *remediate.System) []remediate.Option {
			free := make(chan struct{})
			t.Cleanup(func() { close(free) })
			return []remediate.Option{remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
				<-free
				return remediate.Claim{}, nil
			})}
		}},
		{"the journal hangs", "journal", false, func(t *testing.T, _ *scenario, _ *remediate.System) []remediate.Option {
			r, w := io.Pipe()
			t.Cleanup(func() { r.Close() })
			return []remediate.Option{remediate.WithJournal(w)}
		}},
		{"a note in the lock directory hangs", "lock directory: read notes", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			dir := filepath.Join(s.Tree(), "run/lunsweep")
			require.NoError(t, os.MkdirAll(dir, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "x.note"), nil, 0o600))
			neverRead(t, filepath.Join(dir, "x.note"))
			return nil
		}},
		{"/proc/PID of one process hangs", "read open files of process 417", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			s.Open("sdb", 417, "postgres", remediatetest.Reading)
			neverRead(t, filepath.Join(s.Tree(), "proc/417/fdinfo/3"))
			return nil
		}},
		{"the kernel's command line hangs", "read the kernel's command line", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			neverRead(t, filepath.Join(s.Tree(), "proc/cmdline"))
			return nil
		}},
		{"an attribute of a SCSI device hangs", "read bus/scsi/devices", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			neverRead(t, filepath.Join(s.Tree(), "sys/bus/scsi/devices/39:0:0:1/vpd_pg83"))
			return nil
		}},
		{"an attribute of a map hangs", "read block", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			neverRead(t, filepath.Join(s.Tree(), "sys/block/dm-12/dm/suspended"))
			return nil
		}},
		{"the state of a session hangs", "read transport", false, func(t *testing.T, s *scenario, _ *remediate.System) []remediate.Option {
			neverRead(t, filepath.Join(s.Tree(), "sys/class/iscsi_session/session1/state"))
			return nil
		}},
		{"SCSI commands hang", "", false, func(_ *testing.T, _ *scenario, sys *remediate.System) []remediate.Option {
			sys.OpenLU = func(context.Context, string) (*scsi.Device, error) { return scsi.New(deaf{}), nil }
			return nil
		}},
		{"device-mapper hangs", "list devices", false, func(t *testing.T, s *scenario, sys *remediate.System) []remediate.Option {
			free := make(chan struct{})
			t.Cleanup(func() { close(free) })
			kernel, err := multipath.OpenDeviceMapper("", multipath.WithControl(func(_ context.Context, cmd uint32, buf []byte) error {
				if cmd == 0 {
					return nil
				}
				<-free
				return syscall.ENXIO
			}))
			if err == nil {
				sys.Kernel = kernel
			}
			return nil
		}},
	}
}

// sleepyFlush suspends the map and sleeps.
type sleepyFlush struct {
	*multipath.Command
	s *scenario
}

func (d *sleepyFlush) Flush(ctx context.Context, _ string) error {
	d.s.Suspend(d.s.m)
	<-ctx.Done()
	return &multipath.CommandError{Backend: "socket", Uncertain: true, Err: ctx.Err()}
}

// slowClaims looks for claims with another Prober than it reads with.
type slowClaims struct {
	reader
	claims *blockprobe.Prober
}

func (c slowClaims) Claimed(ctx context.Context, t blockprobe.Target) (bool, error) {
	return c.claims.Claimed(ctx, t)
}

func (c slowClaims) Stuck() []blockprobe.Stuck { return append(c.reader.Stuck(), c.claims.Stuck()...) }

// deaf is a transport that answers nothing.
type deaf struct{}

func (deaf) Do(ctx context.Context, _ scsi.Command) (scsi.Reply, error) {
	<-ctx.Done()
	return scsi.Reply{}, ctx.Err()
}

// shortDir is a directory whose name fits into a socket's address.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "s")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	return dir
}

// standIn fills dir with links to all that is in of, but for one directory, which
// it makes anew.
func standIn(t *testing.T, dir, of, but string) {
	entries, err := os.ReadDir(of)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != but {
			require.NoError(t, os.Symlink(filepath.Join(of, e.Name()), filepath.Join(dir, e.Name())))
		}
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, but), 0o755))
}

// neverRead makes of a file one that whoever opens it for reading waits for,
// until the test ends.
func neverRead(t *testing.T, path string) {
	require.NoError(t, os.Remove(path))
	require.NoError(t, syscall.Mkfifo(path, 0o644))
	t.Cleanup(func() {
		for range 50 { // there may be several who wait, one after the other
			if f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
				time.Sleep(2 * time.Millisecond)
				f.Close()
			}
		}
	})
}

// Whatever never answers, every call comes back by its context's end and a
// second, and what it had to leave behind is to be seen, and not left behind a
// second time by the next call.
func TestNeverStuck(t *testing.T) {
	const patience, grace = 600 * time.Millisecond, time.Second
	const slack = 2 * time.Second // for a machine that is busy with other tests
	for _, st := range stalls() {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup
			for _, e := range entries() {
				s := lost(t, remediatetest.Fail)
				s.Patience(100 * time.Millisecond)
				p := planned(t, s.sweeper(t), s.lu.WWID())
				sys := s.System()
				opts := st.on(t, s, &sys) // which may change sys
				sw := s.on(t, sys, append(opts, remediate.WithProbeTimeout(100*time.Millisecond), remediate.WithMaxDead(1))...)
				wg.Go(func() {
					for range 2 {
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						begun := time.Now()
						err := e.call(ctx, sw, s, p)
						if took := time.Since(begun); took > patience+grace+slack {
							t.Errorf("%s: %s of %s: %v", e.name, took, patience, err)
						}
						if twice := twice(sw.Stuck()); twice != "" {
							t.Errorf("%s: begun although it was stuck already: %s", e.name, twice)
						}
					}
					s.Release()
					for wait := 0; st.released && len(sw.Stuck()) > 0 && wait < 1000; wait++ {
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
			wg.Wait()
		})
	}
}

// twice is what is stuck more than once.
func twice(calls []remediate.StuckCall) string {
	seen := map[string]bool{}
	for _, c := range calls {
		if seen[c.What] {
			return c.What
		}
		seen[c.What] = true
	}
	return ""
}

// What is stuck is named for as long as it lasts, and no longer; the next call
// goes on from there.
func TestStuckIsNamed(t *testing.T) {
	for _, st := range stalls() {
		if st.stuck == "" {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Fail)
			s.Patience(100 * time.Millisecond)
			p := planned(t, s.sweeper(t), s.lu.WWID())
			sys := s.System()
			sw := s.on(t, sys, append(st.on(t, s, &sys), remediate.WithSystem(sys), remediate.WithProbeTimeout(100*time.Millisecond), remediate.WithMaxDead(1))...)
			require.Empty(t, sw.Stuck())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			begun := time.Now()
			_, _ = sw.Execute(ctx, p)
			require.Eventually(t, func() bool { // the caller may hear a moment earlier that time is up
				return slices.ContainsFunc(sw.Stuck(), func(c remediate.StuckCall) bool {
					return strings.Contains(c.What, st.stuck) && !c.Since.Before(begun.Add(-time.Second))
				})
			}, 5*time.Second, time.Millisecond, "%q is not among %v", st.stuck, sw.Stuck())
			s.Release()
			if st.released {
				require.Eventually(t, func() bool { return len(sw.Stuck()) == 0 }, 20*time.Second, 10*time.Millisecond)
				r, err := sw.Execute(within(t), p)
				require.NoError(t, err)
				require.Contains(t, []remediate.Outcome{remediate.Removed, remediate.Absent}, r.Results[0].Outcome, r.Results[0].Reason)
			}
		})
	}
}

// Where the directory of links hangs, looking after what was removed ends all the
// same, and names it. It is beside the simulated host's own, in which udev goes on
// writing.
func TestLinksHang(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	root := t.TempDir()
	standIn(t, root, s.Tree(), "dev")
	standIn(t, filepath.Join(root, "dev"), filepath.Join(s.Tree(), "dev"), "disk")
	dir := filepath.Join(root, "dev/disk/by-id")
	require.NoError(t, os.Mkdir(dir, 0o755))
	neverRead(t, dir)
	sys := s.System()
	var err error
	sys.FS, err = sysfs.New(root)
	require.NoError(t, err)
	sw := s.on(t, sys)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err = sw.Verify(ctx, p.Targets...)
		cancel()
		require.ErrorContains(t, err, "/dev/disk/by-id")
		require.Eventually(t, func() bool { return len(sw.Stuck()) > 0 }, 5*time.Second, time.Millisecond)
		require.Len(t, sw.Stuck(), 1)
		require.Equal(t, "read /dev/disk/by-id", sw.Stuck()[0].What)
	}
}
