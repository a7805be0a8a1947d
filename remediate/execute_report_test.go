package remediate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

func TestReportInJSON(t *testing.T) {
	t.Parallel()
	r := remediate.Report{PlanID: "p", Results: []remediate.Result{{
		WWID: "3600", Outcome: remediate.Failed, Reason: "no", Steps: []remediate.StepResult{
			{Action: remediate.FlushMap, Target: "mpathb", Outcome: "failed", Err: errors.New("no"), Took: 41 * time.Millisecond},
			{Action: remediate.RestoreQueueing, Target: "mpathb", Outcome: "done"},
		},
	}}}
	got, err := json.Marshal(r.Results)
	require.NoError(t, err)
	want := `[{"wwid":"3600","outcome":"failed","reason":"no","steps":[` +
		`{"action":"flush-map","target":"mpathb","outcome":"failed","error":"no","took_ms":41},` +
		`{"action":"restore-queueing","target":"mpathb","outcome":"done","error":null,"took_ms":0}]}]`
	require.JSONEq(t, want, string(got))
}

// Many LUs are worked on side by side, one fails, and the others go.
func TestExecuteManySideBySide(t *testing.T) {
	t.Parallel()
	const n = 20
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39), b: h.Session("iqn.2003-01.org.example:b", 40)}
	var wwids []string
	for i := range n {
		lu := h.LU(fmt.Sprintf("6001405%025d", i), gib, "LIO-ORG", "vol").
			Path(remediatetest.DiskName(2*i+1), s.a, uint64(i+1)).Path(remediatetest.DiskName(2*i+2), s.b, uint64(i+1))
		m := h.Map(fmt.Sprintf("mpath%d", i), fmt.Sprintf("dm-%d", i), lu, remediatetest.NoPathRetry(i%2))
		if i == 3 {
			h.SuspendOnFlush(m)
		}
		h.Unmap(lu)
		wwids = append(wwids, lu.WWID())
	}
	h.LU("60014050000000000000000000000aaa", gib, "LIO-ORG", "alive").Path("sdzz", s.a, 900)
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	p := planned(t, sw, wwids...)
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	for i, res := range r.Results {
		want := remediate.Removed
		if i == 3 {
			want = remediate.Failed
		}
		require.Equal(t, p.Targets[i].WWID, res.WWID)
		require.Equal(t, want, res.Outcome, res.Reason)
	}
	require.Len(t, r.Left(), 1)
	require.ErrorContains(t, r.Err(), p.Targets[3].WWID)
	for _, lu := range wwids {
		requireOrder(t, s.Actions(), p, lu)
	}
}

// requireOrder checks that no disk of a target went before its map.
func requireOrder(t *testing.T, log []string, p *remediate.Plan, wwid string) {
	t.Helper()
	at := map[string]int{}
	for i, a := range log {
		at[a] = i + 1
	}
	for _, x := range p.Targets {
		if x.WWID != wwid {
			continue
		}
		flushed := at["multipath -f "+x.Map.Name]
		for _, path := range x.Paths {
			if off := at[path.Dev+" state offline"]; off > 0 && (flushed == 0 || off < flushed) {
				t.Errorf("%s went before its map %s", path.Dev, x.Map.Name)
			}
		}
	}
}

func TestExecuteKeepsAJournal(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	var journal bytes.Buffer
	sw = s.sweeper(t, remediate.WithJournal(&journal))
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	var want, got []string
	for _, step := range p.Steps {
		name := string(step.Action) + " " + step.Target
		want = append(want, "begin "+name+" ", "end "+name+" done")
	}
	for line := range strings.Lines(journal.String()) {
		var e remediate.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, p.ID, e.PlanID)
		got = append(got, fmt.Sprintf("%s %s %s %s", e.Kind, e.Action, e.Target, e.Outcome))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

// A full disk under the journal stops the work before its first change.
func TestExecuteDoesNothingWithoutItsJournal(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t, remediate.WithJournal(fullDisk{}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Refused, res.Outcome)
	require.ErrorIs(t, res.Err, errFull)
	require.Empty(t, s.Actions())
}

var errFull = errors.New("no space left on device")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
