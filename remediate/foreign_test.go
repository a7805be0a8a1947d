package remediate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A mixedMap is a map with sdi, a path of its own, and sdj, whose LUN was given to
// another volume. A rescan told the kernel of it, and nobody multipathd.
type mixedMap struct {
	*scenario
	other *remediatetest.LU
}

func newMixedMap(t *testing.T, retry remediatetest.NoPathRetry) *mixedMap {
	t.Helper()
	m := &mixedMap{scenario: before(t, retry)}
	m.other = m.another("vol-n")
	m.Remap(m.lu, m.other, m.b)
	m.Rescan("sdj")
	return m
}

func (m *mixedMap) unmapBoth() {
	m.Unmap(m.lu)
	m.Unmap(m.other)
}

// device surveys, and returns what goes by the WWID.
func device(t *testing.T, sw *remediate.Sweeper, wwid string) remediate.Device {
	t.Helper()
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, found := sv.Find(wwid)
	require.True(t, found, "the survey has %v", sv.Devices)
	return d
}

// Dead on every path, by the target's word for each: the map goes with its own
// disk, and what is another LU's disk goes next, as that.
func TestMixedMapAllDead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retry  remediatetest.NoPathRetry
		second bool // the other LU has a map, too, which shares sdj
	}{
		"fails": {retry: remediatetest.Fail}, "queues": {retry: remediatetest.Queue},
		"two maps share the disk": {retry: remediatetest.Fail, second: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, c.retry)
			if c.second {
				m.Map("mpathn", "dm-13", m.other, remediatetest.Queue)
			}
			m.unmapBoth()
			sw := m.sweeper(t, remediate.WithMaxDead(1))
			d := device(t, sw, m.other.WWID())
			require.Equal(t, remediate.StaleInUse, d.Verdict, d.Reasons)
			require.Contains(t, d.InUse[0].By, "mpathb (multipath, dm-12)")
			require.Equal(t, "multipath -f mpathb", d.InUse[0].Release)

			p := planned(t, sw, m.lu.WWID())
			require.Equal(t, "sdj", p.Targets[0].Foreign[0].Dev)
			res := executed(t, sw, p)
			require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
			require.Contains(t, m.log(), "sdi delete")
			require.NotContains(t, m.log(), "sdj")
			require.Equal(t, !c.second, strings.Contains(res.Reason, "link scsi-"+m.lu.WWID()+" -> ../../sdj"), res.Reason)
			_, err := sw.Clear(within(t), m.lu.WWID())
			require.Equal(t, !c.second, err != nil, "what names it and leads elsewhere is no trace of it: %v", err)

			res = executed(t, sw, planned(t, sw, m.other.WWID()))
			require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
			require.Contains(t, m.log(), "sdj delete")
			planned(t, sw)
		})
	}
}

// A clinging daemon goes on calling a disk by the name of the map that it was in, as
// multipathd does until udev looks at the disk again.
type clinging struct {
	*multipath.Command
	entry multipath.DaemonPath
}

func (d clinging) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	paths, err := d.Command.Paths(ctx)
	paths = slices.DeleteFunc(paths, func(p multipath.DaemonPath) bool { return p.Dev == d.entry.Dev })
	return append(paths, d.entry), err
}

// That multipathd calls the other LU's disk by the old name is told, and is no
// remainder: the disk stays.
func TestMixedMapByMultipathdsWord(t *testing.T) {
	t.Parallel()
	m := newMixedMap(t, remediatetest.Fail)
	m.Unmap(m.lu)
	sys := m.System()
	sys.Daemon = clinging{sys.Daemon.(*multipath.Command), multipath.DaemonPath{Dev: "sdj", WWID: m.lu.WWID()}}
	sw := m.on(t, sys)
	res := executed(t, sw, planned(t, sw, m.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Contains(t, res.Reason, "multipathd's entry for sdj")
	require.Contains(t, res.Reason, "udevadm trigger")
	require.NotContains(t, m.log(), "sdj")
}

// Only another LU's disk is left in the map.
func TestMixedMapWithoutAnOwnPath(t *testing.T) {
	t.Parallel()
	m := newMixedMap(t, remediatetest.Fail)
	m.unmapBoth()
	m.DeletedByHand("sdi")
	sw := m.sweeper(t, remediate.WithMaxDead(1))
	res := executed(t, sw, planned(t, sw, m.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Equal(t, "multipath -f mpathb", m.log())
}

// The disk answers as the other LU, which somebody uses: it loses the map, and
// nothing else.
func TestMixedMapAnothersDiskAlive(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(m *mixedMap){
		"unused":    func(*mixedMap) {},
		"mounted":   func(m *mixedMap) { m.Map("mpathn", "dm-13", m.other, remediatetest.Fail); m.Mount("dm-13", "/new") },
		"disk open": func(m *mixedMap) { m.Open("sdj", 41702, "qemu", remediatetest.Writing) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, remediatetest.Fail)
			m.Unmap(m.lu)
			use(m)
			sw := m.sweeper(t)
			require.Equal(t, remediate.Remapped, device(t, sw, m.lu.WWID()).Verdict)
			require.Equal(t, remediate.Healthy, device(t, sw, m.other.WWID()).Verdict)
			res := executed(t, sw, planned(t, sw, m.lu.WWID()))
			require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
			require.Contains(t, m.log(), "sdi delete")
			require.NotContains(t, m.log(), "sdj")
			require.Equal(t, remediate.Healthy, device(t, sw, m.other.WWID()).Verdict)
		})
	}
}

// What is not dead on every path by the target's word, or not ours in all its
// parts, or used, stays as it is.
func TestMixedMapStays(t *testing.T) {
	t.Parallel()
	owner := func(of *remediatetest.LU, o remediate.Ownership) remediate.Option {
		return remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
			if sub.WWID == of.WWID() {
				return remediate.Claim{Owner: o, Detached: true}, nil
			}
			return remediate.Claim{Owner: remediate.Mine, Detached: true}, nil
		})
	}
	for _, c := range []struct {
		name    string
		host    func(m *mixedMap) []remediate.Option
		verdict remediate.Verdict
		reason  string
	}{
		{"both alive", func(*mixedMap) []remediate.Option { return nil }, remediate.Ambiguous, "multipathd del path sdj, then multipathd add path sdj"},
		{"its own path alive", func(m *mixedMap) []remediate.Option { m.Unmap(m.other); return nil }, remediate.Ambiguous, "is another LU"},
		{"its own path behind a dead link", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			m.Outage(m.a)
			return []remediate.Option{remediate.WithRunbook()}
		}, remediate.Ambiguous, "is another LU"},
		{"the other's disk behind a dead link", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			m.Outage(m.b)
			return []remediate.Option{owner(m.lu, remediate.Mine)}
		}, remediate.Ambiguous, "is another LU"},
		{"the other's disk undecided", func(m *mixedMap) []remediate.Option { m.unmapBoth(); m.Stall(m.b); return nil }, remediate.Ambiguous, "is another LU"},
		{"the LUN was given back", func(m *mixedMap) []remediate.Option {
			m.Unmap(m.lu)
			m.Remap(m.other, m.lu, m.b)
			return nil
		}, remediate.Ambiguous, "is another LU"},
		{"mounted", func(m *mixedMap) []remediate.Option { m.unmapBoth(); m.Mount("dm-12", "/data"); return nil }, remediate.StaleInUse, "/data"},
		{"mounted, and the other's disk alive", func(m *mixedMap) []remediate.Option {
			m.Unmap(m.lu)
			m.Mount("dm-12", "/data")
			return nil
		}, remediate.RemappedInUse, "/data"},
		{"its own disk open", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			m.Open("sdi", 41702, "qemu", remediatetest.Writing)
			return nil
		}, remediate.StaleInUse, "qemu"},
		{"the map is nobody's", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			return []remediate.Option{owner(m.lu, remediate.OwnerUnknown)}
		}, remediate.Stale, "nobody says whose it is"},
		{"the other LU is nobody's", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			return []remediate.Option{owner(m.other, remediate.OwnerUnknown)}
		}, remediate.Stale, "nobody says whose the LU 360014051d8f7a3b9c6e40258d17b3f9e"},
		{"the other LU is somebody else's", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			return []remediate.Option{owner(m.other, remediate.NotMine)}
		}, remediate.Stale, "the LU 360014051d8f7a3b9c6e40258d17b3f9e of which its map has a disk is not ours"},
		{"the other LU is protected", func(m *mixedMap) []remediate.Option {
			m.unmapBoth()
			return []remediate.Option{remediate.WithProtected(m.other.WWID())}
		}, remediate.Stale, "protected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, remediatetest.Fail)
			sw := m.sweeper(t, append(c.host(m), remediate.WithMaxDead(1))...)
			d := device(t, sw, m.lu.WWID())
			require.Equal(t, c.verdict, d.Verdict, d.Reasons)
			require.Contains(t, strings.Join(d.Reasons, "\n"), c.reason)
			require.False(t, d.Removable)
			_, err := sw.Clear(within(t), m.lu.WWID())
			require.Error(t, err)
			require.Empty(t, m.Actions())
		})
	}
}

// What the map has changes between plan and act.
func TestMixedMapChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *mixedMap){
		"its LU comes back on the other's disk": func(m *mixedMap) { m.Remap(m.other, m.lu, m.b); m.Restore(m.lu, m.b) },
		"the other's disk becomes its own":      func(m *mixedMap) { m.Remap(m.other, m.lu, m.b); m.Rescan("sdj"); m.Unmap(m.lu) },
		"the other's disk loses its link":       func(m *mixedMap) { m.Outage(m.b) },
		"its own disk becomes the other's": func(m *mixedMap) {
			m.Remap(m.lu, m.other, m.a)
			m.Rescan("sdi")
			m.Unmap(m.other)
		},
		"it is mounted": func(m *mixedMap) { m.Mount("dm-12", "/data") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, remediatetest.Fail)
			m.unmapBoth()
			sw := m.sweeper(t, remediate.WithMaxDead(1))
			p := planned(t, sw, m.lu.WWID())
			change(m)
			res := executed(t, sw, p)
			require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
			require.Empty(t, m.Actions())
		})
	}
}

// A new volume must not be used through the map, whatever it is called by.
func TestMixedMapIdentity(t *testing.T) {
	t.Parallel()
	m := newMixedMap(t, remediatetest.Fail)
	sw := m.sweeper(t)
	for _, node := range []string{"/dev/mapper/mpathb", "/dev/sdi", "/dev/sdj"} {
		for _, lu := range []*remediatetest.LU{m.lu, m.other} {
			var e *remediate.IdentityError
			require.ErrorAs(t, sw.VerifyIdentity(within(t), node, lu.WWID()), &e, "%s as %s", node, lu.WWID())
			require.NotEmpty(t, e.Got)
		}
	}
}

// Another LU's disk is in the map, and that LU is protected, by whichever of its names: the
// map stays.
func TestMixedMapOtherProtected(t *testing.T) {
	t.Parallel()
	m := newMixedMap(t, remediatetest.Fail)
	m.unmapBoth()
	other := device(t, m.sweeper(t), m.other.WWID())
	require.NotEmpty(t, other.Aliases)
	for _, name := range append(other.Aliases, other.WWID) {
		d := device(t, m.sweeper(t, remediate.WithMaxDead(1), remediate.WithProtected(name)), m.lu.WWID())
		require.Contains(t, d.Protected, name)
		require.False(t, d.Removable)
	}
}
