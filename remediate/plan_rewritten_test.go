package remediate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// rewritten is a plan that somebody has changed, and given the ID of what it says now.
func rewritten(t *testing.T, p *remediate.Plan, change func(*remediate.Plan)) *remediate.Plan {
	t.Helper()
	q := *p
	q.Targets = append([]remediate.Target(nil), p.Targets...)
	change(&q)
	q.ID = ""
	b, err := json.Marshal(q)
	require.NoError(t, err)
	sum := sha256.Sum256(b)
	q.ID = hex.EncodeToString(sum[:8])
	b, err = json.Marshal(q)
	require.NoError(t, err)
	out, err := remediate.ReadPlan(bytes.NewReader(b))
	require.NoError(t, err)
	return out
}

// One of two paths is lost, the volume lives on and is mounted. The plan's target is made to
// name its map, too.
func TestRewrittenPlanKeepsAndNamesTheMap(t *testing.T) {
	t.Parallel()
	for _, mounted := range []bool{false, true} {
		s := before(t, remediatetest.Queue)
		s.Unmap(s.lu, s.a)
		if mounted {
			s.Mount("dm-12", "/data")
		}
		sw := s.sweeper(t)
		sv, err := sw.Survey(within(t))
		require.NoError(t, err)
		d, _ := sv.Find(s.lu.WWID())
		p := planned(t, sw, s.lu.WWID())
		require.True(t, p.Targets[0].Keeps)
		q := rewritten(t, p, func(p *remediate.Plan) {
			p.Targets[0].Map = &remediate.MapPin{Name: d.Map.Name, DM: d.Map.DM, Devt: d.Map.Devt, UUID: d.Map.UUID, DiskSeq: d.Map.DiskSeq, Queueing: d.Map.Queueing}
		})
		r, err := sw.Execute(within(t), q) // an error is fine
		t.Log(r, err, s.Actions())
		for _, a := range s.Actions() {
			if a == "multipath -f mpathb" || a == "multipathd disablequeueing map mpathb" {
				t.Errorf("mounted %v: the map of a LU that lives: %s", mounted, a)
			}
		}
	}
}

// One LU's living path is named by a plan for another's.
func TestRewrittenPlanNamesLivingPath(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Remap(s.lu, s.another("vol-n"), s.a)
	sw := s.sweeper(t)
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	p := planned(t, sw, s.lu.WWID())
	require.True(t, p.Targets[0].Keeps)
	q := rewritten(t, p, func(p *remediate.Plan) {
		p.Targets[0].WWID = "36001405ffffffffffffffffffffffff1"
		for _, x := range d.Paths {
			if x.Dev == "sdj" {
				p.Targets[0].Paths = append(p.Targets[0].Paths, remediate.PathPin{Dev: x.Dev, HCTL: x.HCTL, Devt: x.Devt, DiskSeq: x.DiskSeq, Page83: x.Page83})
			}
		}
	})
	r, err := sw.Execute(within(t), q) // an error is fine
	t.Log(r, err, s.Actions())
	require.NotContains(t, s.log(), "sdj delete")
}

func TestRewrittenPlanWithoutWWID(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	q := rewritten(t, planned(t, sw, s.lu.WWID()), func(p *remediate.Plan) { p.Targets[0].WWID = "" })
	r, err := sw.Execute(within(t), q)
	t.Log(r, err)
}
