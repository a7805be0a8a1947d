package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A scenario is a host with two sessions to an array: a healthy map mpatha on
// sdb and sdc, and the volume that things happen to, on sdi and sdj.
type scenario struct {
	*remediatetest.Host
	a, b    *remediatetest.Target
	healthy *remediatetest.LU
	lu      *remediatetest.LU
	m       *remediatetest.Map
}

const gib = 1 << 30

// before is the host while the volume, if it has a map, is mapped and well.
func before(t *testing.T, retry remediatetest.NoPathRetry) *scenario {
	t.Helper()
	s := unmultipathed(t)
	s.m = s.Map("mpathb", "dm-12", s.lu, retry)
	return s
}

func unmultipathed(t *testing.T) *scenario {
	t.Helper()
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39), b: h.Session("iqn.2003-01.org.example:b", 40)}
	s.healthy = h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 10*gib, "LIO-ORG", "vol-a").Path("sdb", s.a, 2).Path("sdc", s.b, 2)
	h.Map("mpatha", "dm-11", s.healthy, remediatetest.Queue)
	s.lu = h.LU("60014055e7c14d0b8aa4f6e92d3b7c05", 10*gib, "LIO-ORG", "vol-b").Path("sdi", s.a, 1).Path("sdj", s.b, 1)
	return s
}

// lost is the runbook's case: the volume was unmapped.
func lost(t *testing.T, retry remediatetest.NoPathRetry) *scenario {
	t.Helper()
	s := before(t, retry)
	s.Unmap(s.lu)
	return s
}

// another is a volume that is no other's.
func (s *scenario) another(name string) *remediatetest.LU {
	return s.LU("60014051d8f7a3b9c6e40258d17b3f9e", 10*gib, "LIO-ORG", name)
}

func claims(c remediate.Claim, err error) remediate.Owner {
	return func(context.Context, remediate.Subject) (remediate.Claim, error) { return c, err }
}

func mine() remediate.Owner { return claims(remediate.Claim{Owner: remediate.Mine}, nil) }

// detached owns everything and attests that the volume is unmapped.
func (s *scenario) detached() remediate.Option {
	return remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		return remediate.Claim{Owner: remediate.Mine, Detached: sub.WWID == s.lu.WWID()}, nil
	})
}

// sweeper owns everything and does not dwell, unless opts say otherwise.
func (s *scenario) sweeper(t *testing.T, opts ...remediate.Option) *remediate.Sweeper {
	t.Helper()
	return s.on(t, s.System(), opts...)
}

func (s *scenario) on(t *testing.T, sys remediate.System, opts ...remediate.Option) *remediate.Sweeper {
	t.Helper()
	all := []remediate.Option{remediate.WithSystem(sys), remediate.WithOwner(mine()), remediate.WithDwell(0)}
	sw, err := remediate.New(append(all, opts...)...)
	require.NoError(t, err)
	return sw
}

// within is a context for a test that is not about time.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// find surveys, and returns the volume.
func (s *scenario) find(t *testing.T, opts ...remediate.Option) remediate.Device {
	t.Helper()
	sv, err := s.sweeper(t, opts...).Survey(within(t))
	require.NoError(t, err)
	d, found := sv.Find(s.lu.WWID())
	require.True(t, found, "the survey has %v", sv.Devices)
	return d
}

// planned plans the removal of the volume, and of nothing else.
func planned(t *testing.T, sw *remediate.Sweeper, wwids ...string) *remediate.Plan {
	t.Helper()
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	var got []string
	for _, x := range p.Targets {
		got = append(got, x.WWID)
	}
	slices.Sort(got)
	slices.Sort(wwids)
	require.Equal(t, wwids, got, "the plan's targets")
	return p
}

// executed executes a plan for one LU, and returns what came of it.
func executed(t *testing.T, sw *remediate.Sweeper, p *remediate.Plan) remediate.Result {
	t.Helper()
	return executedIn(t, within(t), sw, p)
}

func executedIn(t *testing.T, ctx context.Context, sw *remediate.Sweeper, p *remediate.Plan) remediate.Result {
	t.Helper()
	r, err := sw.Execute(ctx, p)
	require.NoError(t, err)
	require.Len(t, r.Results, 1)
	return r.Results[0]
}

// actions are the steps of a plan: "flush-map mpathb".
func actions(p *remediate.Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, string(s.Action)+" "+s.Target)
	}
	return out
}

// did are the steps of a result: "flush-map mpathb done".
func did(r remediate.Result) []string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, string(s.Action)+" "+s.Target+" "+s.Outcome)
	}
	return out
}

// stateOf is a disk's attribute state.
func stateOf(t *testing.T, s *scenario, disk string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Tree(), "sys/block", disk, "device/state"))
	require.NoError(t, err)
	return strings.TrimSpace(string(b))
}
