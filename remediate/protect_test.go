package remediate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// bootedWith makes the kernel's command line another one.
func (s *scenario) bootedWith(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.Tree(), "proc/cmdline"), []byte(text+"\n"), 0o644))
}

// A dead LU of the host's own is never removable: whatever carries the system's
// file systems or its swap, and what the system was booted from, however deep
// below.
func TestHostsOwn(t *testing.T) {
	for name, own := range map[string]struct {
		take func(*testing.T, *scenario)
		why  string
	}{
		"/":                   {func(_ *testing.T, s *scenario) { s.Mount("dm-12", "/") }, "it carries the host's / (on dm-12)"},
		"/boot":               {func(_ *testing.T, s *scenario) { s.Mount("dm-12", "/boot") }, "it carries the host's /boot (on dm-12)"},
		"/usr on a partition": {func(_ *testing.T, s *scenario) { s.Partition("dm-12", 1, "dm-13"); s.Mount("dm-13", "/usr") }, "it carries the host's /usr"},
		"/var on LVM on LUKS": {func(_ *testing.T, s *scenario) {
			s.LUKS("dm-12", "dm-20", "c")
			s.LVM("dm-20", "dm-21", "vg-var")
			s.Mount("dm-21", "/var")
		}, "it carries the host's /var"},
		"swap": {func(_ *testing.T, s *scenario) { s.Swap("dm-12") }, "it carries the host's swap /dev/dm-12"},
		"a swap file": {func(t *testing.T, s *scenario) {
			s.Mount("dm-12", "/data")
			const swaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/data/swap\\040file  file\t\t1048572\t\t0\t\t-2\n"
			require.NoError(t, os.WriteFile(filepath.Join(s.Tree(), "proc/swaps"), []byte(swaps), 0o644))
		}, "it carries the host's swap /data/swap file (on dm-12)"},
		"root= by node":   {func(t *testing.T, s *scenario) { s.bootedWith(t, "ro root=/dev/mapper/mpathb") }, "the host was booted with root=/dev/mapper/mpathb"},
		"root= by number": {func(t *testing.T, s *scenario) { s.bootedWith(t, "ro root=8:128") }, "the host was booted with root=8:128"},
		"root= by a path": {func(t *testing.T, s *scenario) { s.bootedWith(t, "root=/dev/sdj") }, "the host was booted with root=/dev/sdj (on sdj)"},
		"rd.lvm.lv": {func(t *testing.T, s *scenario) {
			s.LVM("dm-12", "dm-20", "my--vg-root")
			s.bootedWith(t, "rd.lvm.lv=my-vg/root")
		}, "booted with rd.lvm.lv=my-vg/root"},
		"no command line": {func(t *testing.T, s *scenario) {
			require.NoError(t, os.Remove(filepath.Join(s.Tree(), "proc/cmdline")))
		}, "could not be checked"},
		"no mounts of process": {func(t *testing.T, s *scenario) {
			require.NoError(t, os.Remove(filepath.Join(s.Tree(), "proc/1/mountinfo")))
		}, "could not be checked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := before(t, remediatetest.Fail)
			own.take(t, s)
			s.Unmap(s.lu)
			sw := s.sweeper(t, s.detached(), remediate.WithRunbook(), remediate.WithMaxDead(1))
			sv, err := sw.Survey(within(t))
			require.NoError(t, err)
			d, found := sv.Find(s.lu.WWID())
			require.True(t, found)
			require.Contains(t, d.Protected, own.why)
			require.False(t, d.Removable)
			p, err := sw.Plan(within(t))
			require.NoError(t, err)
			require.Empty(t, p.Targets)
		})
	}
}

// What the caller names stays, also where the plan was made without the name.
func TestWithProtected(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	sw := s.sweeper(t, remediate.WithProtected("3other", s.lu.WWID()))
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.Equal(t, remediate.Stale, d.Verdict, "the verdict is about the LU alone")
	require.False(t, d.Removable)
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome)
	require.Empty(t, res.Steps)
	var protected *remediate.ProtectedError
	require.ErrorAs(t, res.Err, &protected)
	require.Equal(t, s.lu.WWID(), protected.WWID)
}

// It becomes the host's own between plan and act, or between map and path.
func TestProtectedSince(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() { s.bootedWith(t, "root=/dev/sdi") })
	res := executed(t, sw, p)
	require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
	var protected *remediate.ProtectedError
	require.ErrorAs(t, res.Err, &protected)
	require.NotContains(t, s.log(), "sdi delete")
	require.NotContains(t, s.log(), "sdi state offline")
}

// A disk outside any map that somebody holds from within the kernel: nothing but
// its claim tells.
func TestClaimedDisk(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Unmap(s.lu)
	s.Claim("sdi")
	d := s.find(t)
	require.Equal(t, remediate.StaleInUse, d.Verdict)
	require.Len(t, d.InUse, 1)
	require.Equal(t, remediate.UseOpen, d.InUse[0].Kind)
	require.Contains(t, d.InUse[0].Detail, "sdi")
	s.Unclaim("sdi")
	p := planned(t, s.sweeper(t), s.lu.WWID())
	s.After("sdi state offline", func() { s.Claim("sdj") })
	res := executed(t, s.sweeper(t), p)
	var inUse *remediate.InUseError
	require.ErrorAs(t, res.Err, &inUse)
	require.NotContains(t, s.log(), "delete")
}

// Who is left to name themselves: each with the command that ends the use.
func TestReleases(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Mount("dm-12", "/data/a b")
	s.MountElsewhere("dm-12", "/inside", 700)
	s.Swap("dm-12")
	s.LVM("dm-12", "dm-20", "vg-lv")
	s.Unmap(s.lu)
	got := map[string]bool{}
	for _, u := range s.find(t).InUse {
		got[u.Release] = true
	}
	for _, want := range []string{"umount '/data/a b'", "nsenter -t 700 -m umount /inside", "swapoff /dev/dm-12", "vgchange -an vg || dmsetup remove vg-lv"} {
		require.True(t, got[want], "%s is not among %v", want, got)
	}
}
