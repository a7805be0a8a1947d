package parity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// simulated is package remediatetest's host as a [Host].
type simulated struct {
	*remediatetest.Host
	t     *testing.T
	debug bool
	sides [2]*remediatetest.Target
	all   map[string]*simVolume
}

type simVolume struct {
	Volume
	lu      *remediatetest.LU
	twin    *remediatetest.LU
	m       *remediatetest.Map
	dm      string
	disks   []string
	readers []int
	holder  int
}

func newSimulated(t *testing.T, s Scenario) *simulated {
	h := &simulated{Host: remediatetest.New(t), t: t, debug: s.Debug, all: map[string]*simVolume{}}
	h.Patience(time.Second)
	h.sides = [2]*remediatetest.Target{h.Session("iqn.2003-01.lab:a", 39), h.Session("iqn.2003-01.lab:b", 40)}
	if s.Debug {
		h.sides = [2]*remediatetest.Target{h.Controller(3), h.Controller(4)}
	}
	for i, v := range s.Volumes {
		h.all[v.Name] = h.add(i, v)
	}
	return h
}

// add maps the i-th volume to the host.
func (h *simulated) add(i int, v Volume) *simVolume {
	naa := fmt.Sprintf("6001405ab%023d", i)
	s := &simVolume{
		Volume: v, dm: "dm-" + strconv.Itoa(i), disks: []string{remediatetest.DiskName(2*i + 1), remediatetest.DiskName(2*i + 2)},
		lu: h.LU(naa, 16<<20, "LIO-ORG", v.Name),
	}
	second := s.lu
	if v.Twin {
		s.twin = h.LU(naa, 32<<20, "LIO-ORG", v.Name)
		second = s.twin
	}
	s.lu.Path(s.disks[A], h.sides[A], uint64(v.LUN))
	second.Path(s.disks[B], h.sides[B], uint64(v.LUN))
	if !v.Bare {
		retry := remediatetest.Fail
		if v.Queue {
			retry = remediatetest.Queue
		}
		s.m = h.Map("mpath"+string(rune('a'+i)), s.dm, s.lu, retry)
	}
	return s
}

func (h *simulated) on(sides []Side) []*remediatetest.Target {
	if len(sides) == 0 {
		sides = Sides()
	}
	var out []*remediatetest.Target
	for _, s := range sides {
		out = append(out, h.sides[s])
	}
	return out
}

func (h *simulated) WWID(volume string) string { return h.all[volume].lu.WWID() }

func (h *simulated) Sweeper(opts ...remediate.Option) *remediate.Sweeper {
	s, err := remediate.New(append([]remediate.Option{
		remediate.WithSystem(h.System()), remediate.WithOwner(Mine), remediate.WithDwell(0),
	}, opts...)...)
	require.NoError(h.t, err)
	return s
}

func (h *simulated) Watch(clear func() (*remediate.Report, error)) (*remediate.Report, error) {
	return clear()
}
func (h *simulated) Aside(do func()) { do() }

func (h *simulated) Remains(volume string) Remains {
	v := h.all[volume]
	r := Remains{Disks: len(v.lu.Paths())}
	if v.twin != nil {
		r.Disks += len(v.twin.Paths())
	}
	if v.m != nil {
		r.Map, r.Queueing = !v.m.Gone(), v.m.Queueing()
	}
	for _, pid := range v.readers {
		if _, err := os.Stat(filepath.Join(h.Tree(), "proc", strconv.Itoa(pid))); err == nil {
			r.Readers++
		}
	}
	return r
}

func (h *simulated) Unmap(volume string, from ...Side) {
	v := h.all[volume]
	for _, lu := range []*remediatetest.LU{v.lu, v.twin} {
		switch {
		case lu == nil:
		case h.debug:
			h.Vanish(lu, h.on(from)...)
		case v.LUN == 0:
			h.Disconnect(lu, h.on(from)...)
		default:
			h.Host.Unmap(lu, h.on(from)...)
		}
	}
}

func (h *simulated) Restore(volume string) { h.Host.Restore(h.all[volume].lu) }

func (h *simulated) Remap(volume string, on ...Side) {
	h.Host.Remap(h.all[volume].lu, h.LU("6001405cd00000000000000000000000", 16<<20, "LIO-ORG", "other"), h.on(on)...)
}

func (h *simulated) Cut(sides ...Side)  { h.Outage(h.on(sides)...) }
func (h *simulated) Mend(sides ...Side) { h.Recover(h.on(sides)...) }

func (h *simulated) Mount(volume string)   { h.Host.Mount(h.all[volume].dm, "/mnt/"+volume) }
func (h *simulated) Unmount(volume string) { h.Host.Unmount(h.all[volume].dm) }

func (h *simulated) Stack(volume string) { h.LVM(h.all[volume].dm, "dm-30", "vg-"+volume) }

func (h *simulated) Partition(volume string) { h.Host.Partition(h.all[volume].dm, 1, "dm-31") }

func (h *simulated) Suspend(volume string) { h.Host.Suspend(h.all[volume].m) }
func (h *simulated) Resume(volume string)  { h.Host.Resume(h.all[volume].m) }

func (h *simulated) Hold(volume string) {
	v := h.all[volume]
	v.holder = 5000 + v.LUN
	h.Open(v.dm, v.holder, "app", remediatetest.Writing)
}

func (h *simulated) LetGo(volume string) { h.Kill(h.all[volume].holder) }

func (h *simulated) Read(volume string) {
	v := h.all[volume]
	pid := 4000 + 10*v.LUN + len(v.readers)
	v.readers = append(v.readers, pid)
	h.Open(v.dm, pid, "dd", remediatetest.Stuck)
}

func (h *simulated) DeleteDisks(volume string) {
	fs := h.System().FS
	for _, d := range must(h.t, fs.BlocksNamed, h.all[volume].disks) {
		pin := must(h.t, fs.Pin, *d.SCSI)
		require.NoError(h.t, pin.Delete(h.t.Context()))
		require.NoError(h.t, pin.Close())
	}
}

func must[A, B any](t *testing.T, ask func(context.Context, A) (B, error), about A) B {
	t.Helper()
	b, err := ask(t.Context(), about)
	require.NoError(t, err)
	return b
}

func (h *simulated) Empty(volume string) { h.DeletedByHand(h.all[volume].disks...) }

func (h *simulated) SlowDelete(volume string) { h.StuckDelete(h.all[volume].disks[A]) }

func (h *simulated) HurryDelete(volume string) {
	h.Release()
	disk := filepath.Join(h.Tree(), "sys/block", h.all[volume].disks[A])
	require.Eventually(h.t, func() bool { _, err := os.Stat(disk); return os.IsNotExist(err) }, 20*time.Second, time.Millisecond)
}

func TestSimulated(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			h := newSimulated(t, s)
			Play(t, h, s)
			for _, a := range h.Actions() {
				t.Log(a)
			}
		})
	}
}
