package remediate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// onFibreChannel is the host with its volumes behind two ports of an array.
func onFibreChannel(t *testing.T) *scenario {
	t.Helper()
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.RemotePort("0x5006016044601f35", 5), b: h.RemotePort("0x5006016c44601f35", 6)}
	s.healthy = h.LU("60060160a0b14d00c8f1d35a6e2b4c90", 10*gib, "DGC", "VRAID").Path("sdb", s.a, 2).Path("sdc", s.b, 2)
	h.Map("mpatha", "dm-11", s.healthy, remediatetest.Queue)
	s.lu = h.LU("60060160a0b14d0012f9d45a41d7e3b6", 10*gib, "DGC", "VRAID").Path("sdi", s.a, 1).Path("sdj", s.b, 1)
	s.m = h.Map("mpathb", "dm-12", s.lu, remediatetest.Fail)
	return s
}

// What the ports' states say decides whether silence is an outage.
func TestFibreChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		host func(*scenario)
		want remediate.Verdict
		link sysfs.Link // of the first path
	}{
		{"all is well", func(*scenario) {}, remediate.Healthy, sysfs.LinkUp},
		{"the volume is unmapped", func(s *scenario) { s.Unmap(s.lu) }, remediate.Stale, sysfs.LinkUp},
		{"both ports are lost", func(s *scenario) { s.Outage() }, remediate.Unreachable, sysfs.LinkDown},
		{"both ports were lost a moment ago", func(s *scenario) { s.Stall() }, remediate.Transient, sysfs.LinkDown},
		{"one port is lost", func(s *scenario) { s.Outage(s.a) }, remediate.Degraded, sysfs.LinkDown},
		{"unmapped, and one port is lost", func(s *scenario) { s.Unmap(s.lu); s.Outage(s.a) }, remediate.Unreachable, sysfs.LinkDown},
		{"the LUN is another volume's", func(s *scenario) { s.Remap(s.lu, s.another("other")) }, remediate.Remapped, sysfs.LinkUp},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := onFibreChannel(t)
			c.host(s)
			for _, rule := range [][]remediate.Option{nil, {remediate.WithRunbook()}} {
				d := s.find(t, rule...)
				require.Equal(t, c.want, d.Verdict, "%v", d.Reasons)
				require.Equal(t, c.want.Actionable(), d.Removable)
				require.Equal(t, c.link, d.Paths[0].Link)
				require.Regexp(t, `^rport-5:0-`, d.Paths[0].Transport)
			}
		})
	}
}

// A dead volume goes; not where a port is lost after the plan was made.
func TestFibreChannelExecute(t *testing.T) {
	t.Parallel()
	s := onFibreChannel(t)
	s.Unmap(s.lu)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.Outage(s.b)
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	var evidence *remediate.EvidenceError
	require.ErrorAs(t, r.Results[0].Err, &evidence)
	require.Equal(t, remediate.Unreachable, evidence.Verdict)
	require.Equal(t, remediate.Refused, r.Results[0].Outcome)
	require.Empty(t, s.Actions())

	s.Recover(s.b)
	r, err = sw.Execute(within(t), p)
	require.NoError(t, err)
	require.Equal(t, remediate.Removed, r.Results[0].Outcome, "%s", r.Results[0].Reason)
}
