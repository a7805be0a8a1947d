package remediate_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

const freshWWID = "360014051d8f7a3b9c6e40258d17b3f9e" // of scenario.another

// multi is before, its two sessions leading to one target by name.
func multi(t *testing.T) *scenario {
	t.Helper()
	h := remediatetest.New(t)
	const iqn = "iqn.2003-01.org.example:array"
	s := &scenario{Host: h, a: h.Session(iqn, 39), b: h.Session(iqn, 40)}
	s.healthy = h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 10*gib, "LIO-ORG", "vol-a").Path("sdb", s.a, 2).Path("sdc", s.b, 2)
	h.Map("mpatha", "dm-11", s.healthy, remediatetest.Queue)
	s.lu = h.LU("60014055e7c14d0b8aa4f6e92d3b7c05", 10*gib, "LIO-ORG", "vol-b").Path("sdi", s.a, 1).Path("sdj", s.b, 1)
	s.m = h.Map("mpathb", "dm-12", s.lu, remediatetest.Queue)
	return s
}

func lun(n uint64) remediate.Address {
	return remediate.Address{Target: "iqn.2003-01.org.example:array", LUN: n}
}

// Whatever an earlier volume left goes from every path to the LUN, and the new
// volume then comes up as itself.
func TestClearLUN(t *testing.T) {
	for name, lose := range map[string]func(*scenario, *remediatetest.LU){
		"unmapped":         func(s *scenario, _ *remediatetest.LU) { s.Unmap(s.lu) },
		"remapped":         func(s *scenario, fresh *remediatetest.LU) { s.Remap(s.lu, fresh) },
		"one of each":      func(s *scenario, fresh *remediatetest.LU) { s.Unmap(s.lu, s.a); s.Remap(s.lu, fresh, s.b) },
		"silent, unlisted": func(s *scenario, _ *remediatetest.LU) { s.Vanish(s.lu) },
	} {
		t.Run(name, func(t *testing.T) {
			s := multi(t)
			fresh := s.another("new")
			lose(s, fresh)
			sw := s.sweeper(t)
			r, err := sw.ClearLUN(within(t), lun(1), fresh.WWID())
			require.NoError(t, err)
			require.Len(t, r.Results, 1)
			require.Equal(t, remediate.Removed, r.Results[0].Outcome)
			require.Equal(t, s.lu.WWID(), r.Results[0].WWID)

			fresh.Path("sdi", s.a, 1).Path("sdj", s.b, 1)
			s.Map("mpathb", "dm-12", fresh, remediatetest.Queue)
			require.NoError(t, sw.VerifyIdentity(within(t), "/dev/mapper/mpathb", fresh.WWID()))
			done := len(s.Actions())
			r, err = sw.ClearLUN(within(t), lun(1), fresh.WWID())
			require.NoError(t, err)
			require.Empty(t, r.Results)
			require.Len(t, s.Actions(), done, "the wanted volume is not touched")
		})
	}
}

// Where nothing is, nothing is done.
func TestClearLUNWithoutAnything(t *testing.T) {
	s := multi(t)
	s.Unmap(s.lu)
	for _, at := range []remediate.Address{
		lun(7), {Target: "iqn.2003-01.org.example:other", LUN: 1}, {Target: "41:0:0", LUN: 1}, {Target: "0x500a098188f7f0a1", LUN: 1},
	} {
		r, err := s.sweeper(t).ClearLUN(within(t), at, freshWWID)
		require.NoError(t, err)
		require.Empty(t, r.Results)
	}
	require.Empty(t, s.Actions())
}

// A LUN is found by any name of its target, in either form of its number.
func TestClearLUNAddresses(t *testing.T) {
	for _, at := range []remediate.Address{
		lun(1), {Target: "IQN.2003-01.org.example:ARRAY", LUN: 1}, {Target: "39:0:0", LUN: 1}, lun(0x4001),
	} {
		s := multi(t)
		s.Unmap(s.lu)
		r, err := s.sweeper(t).ClearLUN(within(t), at, freshWWID)
		require.NoError(t, err)
		require.Len(t, r.Results, 1, "%v", at)
	}
}

// Anything but a leftover that may go is an error, and nothing is changed.
func TestClearLUNRefuses(t *testing.T) {
	evidence := func(t *testing.T, err error, v remediate.Verdict) {
		t.Helper()
		var e *remediate.EvidenceError
		require.ErrorAs(t, err, &e)
		require.Equal(t, v, e.Verdict, "%v", err)
	}
	for _, tt := range []struct {
		name  string
		host  func(*scenario)
		at    remediate.Address
		wwid  string
		opts  []remediate.Option
		check func(*testing.T, error)
	}{
		{name: "another volume is alive there", check: func(t *testing.T, err error) { evidence(t, err, remediate.Healthy) }},
		{name: "an outage", host: func(s *scenario) { s.Outage() }, check: func(t *testing.T, err error) { evidence(t, err, remediate.Unreachable) }},
		{name: "undecided", host: func(s *scenario) { s.Stall() }, check: func(t *testing.T, err error) { evidence(t, err, remediate.Transient) }},
		{name: "suspended", host: func(s *scenario) { s.Unmap(s.lu); s.Suspend(s.m) }, check: func(t *testing.T, err error) { evidence(t, err, remediate.Suspended) }},
		{name: "the wanted volume, one path silent", wwid: "360014055e7c14d0b8aa4f6e92d3b7c05",
			host: func(s *scenario) { s.Outage(s.b) }, check: func(t *testing.T, err error) { evidence(t, err, remediate.Degraded) }},
		{name: "gone on one path, alive on the other", host: func(s *scenario) { s.Unmap(s.lu, s.b) },
			check: func(t *testing.T, err error) { evidence(t, err, remediate.StalePath) }},
		{name: "mounted", host: func(s *scenario) { s.Mount("dm-12", "/var/lib/pods/x"); s.Unmap(s.lu) }, check: func(t *testing.T, err error) {
			var e *remediate.InUseError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "/var/lib/pods/x", e.Users[0].By)
		}},
		{name: "mounted, and remapped", host: func(s *scenario) { s.Mount("dm-12", "/var/lib/pods/x"); s.Remap(s.lu, s.another("new")) }, check: func(t *testing.T, err error) {
			var e *remediate.InUseError
			require.ErrorAs(t, err, &e)
		}},
		{name: "nobody says whose it is", host: func(s *scenario) { s.Unmap(s.lu) },
			opts: []remediate.Option{remediate.WithOwner(nil)}, check: func(t *testing.T, err error) {
				var e *remediate.NotOwnedError
				require.ErrorAs(t, err, &e)
				require.Equal(t, remediate.OwnerUnknown, e.Owner)
			}},
		{name: "no target", at: remediate.Address{Target: "array-1", LUN: 1}, check: func(t *testing.T, err error) { require.ErrorIs(t, err, fs.ErrInvalid) }},
		{name: "no name", wwid: "vol-17", check: func(t *testing.T, err error) { require.ErrorIs(t, err, fs.ErrInvalid) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := multi(t)
			if tt.host != nil {
				tt.host(s)
			}
			at, wwid := tt.at, tt.wwid
			if at == (remediate.Address{}) {
				at = lun(1)
			}
			if wwid == "" {
				wwid = freshWWID
			}
			r, err := s.sweeper(t, tt.opts...).ClearLUN(within(t), at, wwid)
			require.Nil(t, r)
			tt.check(t, err)
			require.Empty(t, s.Actions(), "nothing is changed")
		})
	}
}

// With silent paths allowed, the wanted volume is known by those that answer.
func TestClearLUNWithSilentPaths(t *testing.T) {
	s := multi(t)
	s.Outage(s.b)
	r, err := s.sweeper(t, remediate.WithSilentPaths()).ClearLUN(within(t), lun(1), s.lu.WWID())
	require.NoError(t, err)
	require.Empty(t, r.Results)
	_, err = s.sweeper(t, remediate.WithSilentPaths()).ClearLUN(within(t), lun(1), freshWWID)
	require.Error(t, err, "it is another volume's, and alive")
	require.Empty(t, s.Actions())
}

// A volume that lives on elsewhere loses the path that was given away, alone.
func TestClearLUNOfAVolumeThatLivesOn(t *testing.T) {
	s := before(t, remediatetest.Fail) // two targets
	fresh := s.another("new")
	s.Remap(s.lu, fresh, s.b)
	r, err := s.sweeper(t).ClearLUN(within(t), remediate.Address{Target: "iqn.2003-01.org.example:b", LUN: 1}, fresh.WWID())
	require.NoError(t, err)
	require.Len(t, r.Results, 1)
	require.NoError(t, s.sweeper(t).VerifyIdentity(within(t), "/dev/mapper/mpathb", s.lu.WWID()))
	require.Equal(t, []string{"sdi"}, s.lu.Paths())
}

// What is no disk would stay in the new volume's place: an array's own
// controller, shown where nothing is mapped yet.
func TestClearLUNOfNoDisk(t *testing.T) {
	s := multi(t)
	const device = "sys/devices/platform/host39/session1/target39:0:0/39:0:0:0"
	for name, text := range map[string]string{"type": "12", "vendor": "LIO-ORG", "model": "controller", "rev": "4.0", "state": "running"} {
		file := filepath.Join(s.Tree(), device, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text+"\n"), 0o600))
	}
	require.NoError(t, os.Symlink("../../../../"+device, filepath.Join(s.Tree(), "sys/bus/scsi/devices/39:0:0:0")))
	_, err := s.sweeper(t).ClearLUN(within(t), lun(0), freshWWID)
	var e *remediate.EvidenceError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "39:0:0:0", e.WWID)
	require.Contains(t, e.Reason, "type 0ch")
}
