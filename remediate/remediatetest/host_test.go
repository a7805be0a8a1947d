package remediatetest

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

func staged(t *testing.T, preset string) *Host {
	t.Helper()
	h := New(t)
	h.Stage(preset)
	return h
}

func TestTopologyIsPrintedAsMultipathDoes(t *testing.T) {
	tests := map[string]string{
		"residual": `mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) dm-12 LIO-ORG,vol-pg-7
size=10G features='0' hwhandler='1 alua' wp=rw
` + "`" + `-+- policy='service-time 0' prio=0 status=enabled
  |- 39:0:0:1 sdi 8:128 failed faulty running
  ` + "`" + `- 40:0:0:1 sdj 8:144 failed faulty running
`,
		"empty-map": `mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) dm-12 ##,##
size=10G features='0' hwhandler='1 alua' wp=rw
`,
		"remapped": `mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) dm-12 LIO-ORG,vol-pg-7
size=10G features='0' hwhandler='1 alua' wp=rw
` + "`" + `-+- policy='service-time 0' prio=50 status=active
  |- 39:0:0:1 sdi 8:128 active ready running
  ` + "`" + `- 40:0:0:1 sdj 8:144 active ready running
`,
	}
	for preset, want := range tests {
		t.Run(preset, func(t *testing.T) {
			h := staged(t, preset)
			res, err := h.start().run(t.Context(), "multipath", "-v2", "-ll")
			require.NoError(t, err)
			text := string(res.Stdout)
			at := strings.Index(text, "mpathb")
			require.GreaterOrEqual(t, at, 0, text)
			got, _, _ := strings.Cut(text[at:], "mpathc")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("multipath -ll (-want +got):\n%s", diff)
			}
		})
	}
}

// The kernel's table, the text and sysfs agree on every map of every preset.
func TestPresetsAgreeWithThemselves(t *testing.T) {
	for _, p := range Presets() {
		t.Run(p.Name, func(t *testing.T) {
			h := staged(t, p.Name)
			sys := h.System()
			topo, err := sys.Daemon.Topology(t.Context())
			require.NoError(t, err)
			tables, err := sys.Kernel.Tables(t.Context())
			require.NoError(t, err)
			require.Len(t, tables, len(topo.Maps))
			for i, m := range topo.Maps {
				b, err := sys.FS.Block(t.Context(), m.DM)
				require.NoError(t, err)
				var printed, kernel []string
				for path := range m.Each {
					printed = append(printed, path.Devt()+" "+path.DMState())
				}
				for _, path := range tables[i].Paths {
					kernel = append(kernel, path.Devt.String()+" "+map[bool]string{false: "active", true: "failed"}[path.Failed])
				}
				if diff := cmp.Diff(printed, kernel); diff != "" {
					t.Errorf("%s (-printed +table):\n%s", m.Name, diff)
				}
				require.Equal(t, m.WWID, strings.TrimPrefix(b.DM.UUID, "mpath-"))
				require.Len(t, b.Slaves, len(kernel))
				require.Equal(t, m.Queueing(), tables[i].Queueing)
			}
		})
	}
}

func TestPresetsAreTheSameEverywhere(t *testing.T) {
	for _, p := range Presets() {
		t.Run(p.Name, func(t *testing.T) {
			var seen [2][]sysfs.SCSIDevice
			for i := range seen {
				h, err := OpenPreset(p.Name, "")
				require.NoError(t, err)
				seen[i], err = h.System().FS.SCSIDevices(t.Context())
				require.NoError(t, err)
				require.NoError(t, h.Close())
				require.NoDirExists(t, h.dir)
			}
			if diff := cmp.Diff(seen[0], seen[1]); diff != "" {
				t.Errorf("two hosts differ:\n%s", diff)
			}
		})
	}
	_, err := OpenPreset("none", "")
	require.ErrorContains(t, err, `"none"`)
}

func TestTargetsTellOfChangesOnce(t *testing.T) {
	h := staged(t, "clean")
	h.Unmap(h.lus[1])
	n := &nexus{h.start(), h.disks["sdd"]}
	for i, want := range [][]byte{scsireply.LUNsChanged(), nil} {
		r, err := n.Do(t.Context(), scsi.Command{CDB: make([]byte, 6)})
		require.NoError(t, err)
		if diff := cmp.Diff(want, r.Sense); diff != "" {
			t.Errorf("answer %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestSysfsRemembersTheOldIdentity(t *testing.T) {
	h := staged(t, "remapped")
	sys := h.System()
	d, err := sys.FS.SCSIDevice(t.Context(), sysfs.HCTL{Host: 39, LUN: 1})
	require.NoError(t, err)
	require.Equal(t, "naa."+WWIDb[1:], d.WWID)
	cached, err := scsi.ParseDesignators(d.VPD83)
	require.NoError(t, err)
	lu, err := sys.OpenLU(t.Context(), "/dev/sdi")
	require.NoError(t, err)
	live, err := lu.Designators(t.Context())
	require.NoError(t, err)
	require.Equal(t, WWIDb, scsi.WWID(cached, "", "", ""))
	require.Equal(t, WWIDn, scsi.WWID(live, "", "", ""))
}

func TestLinksFollowTheirDevices(t *testing.T) {
	h := staged(t, "residual")
	leads := func() string {
		text, _ := os.Readlink(h.path("dev/disk/by-id", "scsi-"+WWIDb))
		return text
	}
	require.Equal(t, "../../dm-12", leads())
	h.FlushedByHand(h.maps["dm-12"])
	require.Equal(t, "../../sdi", leads())
	h.DeletedByHand("sdi")
	require.Equal(t, "../../sdj", leads())
	h.DeletedByHand("sdj")
	require.Empty(t, leads())
}

// What is done through a directory that was held open never hits a newcomer.
func TestHeldDirectoriesAreNotTheNewcomers(t *testing.T) {
	h := staged(t, "residual")
	sys := h.System()
	pin, err := sys.FS.Pin(t.Context(), sysfs.HCTL{Host: 39, LUN: 1})
	require.NoError(t, err)
	defer pin.Close()
	a := h.disks["sdi"].target
	h.DeletedByHand("sdi")
	h.LU(WWIDn[1:], 1<<30, "LIO-ORG", "vol-new-1").Path("sdi", a, 1)
	require.ErrorIs(t, pin.Delete(t.Context()), fs.ErrNotExist)
	require.ErrorIs(t, pin.SetState(t.Context(), sysfs.StateOffline), fs.ErrNotExist)
	require.Empty(t, h.Actions())
	require.NotNil(t, h.disks["sdi"])
}

func TestMultipathdForgetsAMomentLater(t *testing.T) {
	h := staged(t, "orphan")
	sys := h.System()
	pin, err := sys.FS.Pin(t.Context(), sysfs.HCTL{Host: 39, LUN: 1})
	require.NoError(t, err)
	defer pin.Close()
	require.NoError(t, pin.Delete(t.Context()))
	var listed []int
	for range 3 {
		paths, err := sys.Daemon.Paths(t.Context())
		require.NoError(t, err)
		n := 0
		for _, p := range paths {
			if p.Dev == "sdi" {
				n++
			}
		}
		listed = append(listed, n)
	}
	require.Equal(t, []int{1, 1, 0}, listed)
}

func TestReads(t *testing.T) {
	h := staged(t, "queueing")
	for _, tt := range []struct {
		dev  string
		want error
	}{
		{"dm-11", nil}, {"dm-12", syscall.EIO}, {"sda", nil}, {"sdi", syscall.EIO}, {"sdzz", syscall.ENOENT},
	} {
		_, err := h.start().read("/dev/"+tt.dev, make([]byte, 8))
		require.ErrorIs(t, err, tt.want, tt.dev)
	}
}

// A read of a queueing map sleeps, holds the map open, and is seen by others,
// until queueing is switched off.
func TestReadsOfQueueingMapsSleep(t *testing.T) {
	h := staged(t, "queueing")
	h.Patience(200 * time.Millisecond)
	sys := h.System()
	r := sys.Reader.Probe(t.Context(), blockprobe.Target{Node: "/dev/dm-15", Usable: -1})
	require.Equal(t, blockprobe.Hung, r.Outcome)
	table, err := sys.Kernel.Table(t.Context(), "mpath-"+WWIDe)
	require.NoError(t, err)
	require.Equal(t, 2, table.OpenCount, "dd and we")
	open, err := sys.FS.Openers(t.Context(), func(d sysfs.DevNum) bool { return d == table.Devt })
	require.NoError(t, err)
	var who []int
	for _, o := range open.List {
		require.True(t, o.Blocked)
		who = append(who, o.PID)
	}
	require.ElementsMatch(t, []int{41700, os.Getpid()}, who)

	require.ErrorIs(t, sys.Daemon.Flush(t.Context(), "mpathe"), multipath.ErrInUse)
	require.NoError(t, sys.Daemon.DisableQueueing(t.Context(), "mpathe"))
	require.Eventually(t, func() bool { return len(sys.Reader.Stuck()) == 0 }, 20*time.Second, time.Millisecond)
	require.NoError(t, sys.Daemon.Flush(t.Context(), "mpathe"))
	want := []string{"multipath -f mpathe: map in use", "multipathd disablequeueing map mpathe", "multipath -f mpathe"}
	if diff := cmp.Diff(want, h.Actions()); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestOrdersForWhatIsNotThere(t *testing.T) {
	sys := staged(t, "clean").System()
	require.ErrorIs(t, sys.Daemon.Flush(t.Context(), "mpathz"), multipath.ErrNoMap)
	require.ErrorIs(t, sys.Daemon.DisableQueueing(t.Context(), "mpathz"), multipath.ErrNoMap)
	require.ErrorIs(t, sys.Daemon.ForgetPath(t.Context(), "sdzz"), multipath.ErrNoMap)
	_, err := sys.Kernel.Table(t.Context(), "mpath-none")
	require.ErrorIs(t, err, multipath.ErrNoMap)
}

func TestMultipathdThatIsStopped(t *testing.T) {
	h := staged(t, "clean")
	h.StopDaemon()
	sys := h.System()
	_, err := sys.Daemon.Paths(t.Context())
	require.ErrorIs(t, err, multipath.ErrNoDaemon)
	topo, err := sys.Daemon.Topology(t.Context())
	require.NoError(t, err)
	require.Len(t, topo.Maps, 3)
}

// An order that no part of this module gives ends the test.
func TestOrdersThatAreNotSimulated(t *testing.T) {
	h, err := Open(t.TempDir())
	require.NoError(t, err)
	res, err := h.start().run(t.Context(), "multipath", "-F")
	require.NoError(t, err)
	require.NotZero(t, res.Code)
	require.ErrorContains(t, h.Err(), "multipath -F")
	require.Equal(t, []string{"multipath -F: not simulated"}, h.Actions())
	_, err = h.start().run(t.Context(), "dmsetup", "remove", "mpatha")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestMistakesOfTheSetUpAreKept(t *testing.T) {
	for name, wrong := range map[string]func(*Host){
		"sda is there already":        func(h *Host) { h.LU("5000000000000001", 1, "a", "b").Path("sda", h.Controller(3), 1) },
		"has 16 or 32 hex digits":     func(h *Host) { h.LU("6001", 1, "a", "b") },
		"no device is called dm-1":    func(h *Host) { h.Partition("dm-1", 1, "dm-2") },
		"no disk is called sdq":       func(h *Host) { h.StuckDelete("sdq") },
		"no simulated host is called": func(h *Host) { h.Stage("none") },
		"sdq: no such file":           func(h *Host) { h.Mount("sdq", "/x") },
	} {
		h, err := Open(t.TempDir())
		require.NoError(t, err)
		wrong(h)
		require.ErrorContains(t, h.Err(), name)
	}
}

func TestNames(t *testing.T) {
	for i, want := range map[int]string{0: "sda", 25: "sdz", 26: "sdaa", 701: "sdzz", 702: "sdaaa"} {
		require.Equal(t, want, DiskName(i))
		require.Equal(t, i, diskIndex(want))
	}
	for name, want := range map[string]string{
		"sda": "8:0", "sdi": "8:128", "sdp": "8:240", "sdq": "65:0", "sdiv": "135:240", "sdiw": "8:256", "dm-12": "253:12",
	} {
		require.Equal(t, want, devNum(name).String(), name)
	}
}
