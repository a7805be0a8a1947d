package remediate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

func TestPlanListsTheSteps(t *testing.T) {
	const verify = "verify 360014055e7c14d0b8aa4f6e92d3b7c05"
	paths := []string{
		"offline-path sdi", "offline-path sdj", "delete-path sdi", "delete-path sdj",
		"forget-path sdi", "forget-path sdj", verify,
	}
	tests := []struct {
		name string
		host func(t *testing.T) *scenario
		opts []remediate.Option
		want []string
	}{
		{
			"a map that fails I/O", func(t *testing.T) *scenario { return lost(t, remediatetest.Fail) }, nil,
			append([]string{"flush-map mpathb"}, paths...),
		},
		{
			"a map that queues", func(t *testing.T) *scenario { return lost(t, remediatetest.Queue) }, nil,
			append([]string{"disable-queueing mpathb", "wait-readers mpathb", "flush-map mpathb"}, paths...),
		},
		{
			"the operator's rule",
			func(t *testing.T) *scenario {
				s := before(t, remediatetest.Queue)
				s.Vanish(s.lu)
				s.Vanish(s.healthy)
				return s
			},
			[]remediate.Option{remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)},
			append([]string{"disable-queueing mpathb", "wait-readers mpathb", "probe-map mpathb", "flush-map mpathb"}, paths...),
		},
		{
			"one path of two",
			func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Unmap(s.lu, s.b)
				return s
			},
			nil,
			[]string{"forget-path sdj", "offline-path sdj", "delete-path sdj", verify},
		},
		{
			"a map without paths",
			func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.DeletedByHand("sdi", "sdj")
				return s
			},
			nil, []string{"flush-map mpathb", verify},
		},
		{
			"disks without a map",
			func(t *testing.T) *scenario {
				s := unmultipathed(t)
				s.Unmap(s.lu)
				return s
			},
			nil, paths,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.host(t)
			p := planned(t, s.sweeper(t, tt.opts...), s.lu.WWID())
			if diff := cmp.Diff(tt.want, actions(p)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string(nil), s.Actions()); diff != "" {
				t.Errorf("planning changed the host:\n%s", diff)
			}
		})
	}
}

func onlyVolume(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
	if sub.Product == "vol-b" {
		return remediate.Claim{Owner: remediate.Mine}, nil
	}
	return remediate.Claim{Owner: remediate.NotMine}, nil
}

func TestPlanPinsWhatIsToGo(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	got := p.Targets[0]
	require.NotEmpty(t, got.Paths[0].Page83)
	require.NotEqual(t, got.Paths[0].Page83, got.Paths[1].Page83, "the ports differ")
	for i := range got.Paths {
		got.Paths[i].Page83 = ""
	}
	want := remediate.Target{
		WWID: s.lu.WWID(), Verdict: remediate.Stale, Proof: remediate.ByTarget, Reasons: got.Reasons,
		Map: &remediate.MapPin{
			Name: "mpathb", DM: "dm-12", Devt: sysfs.DevNum{Major: 253, Minor: 12},
			DiskSeq: 7, UUID: "mpath-360014055e7c14d0b8aa4f6e92d3b7c05", Queueing: true,
		},
		Paths: []remediate.PathPin{
			{Dev: "sdi", HCTL: sysfs.HCTL{Host: 39, LUN: 1}, Devt: sysfs.DevNum{Major: 8, Minor: 128}, DiskSeq: 5},
			{Dev: "sdj", HCTL: sysfs.HCTL{Host: 40, LUN: 1}, Devt: sysfs.DevNum{Major: 8, Minor: 144}, DiskSeq: 6},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	require.Equal(t, "worker-3", p.Host)
	require.NotEmpty(t, p.BootID)
}

func TestPlanSaysWhyNotForTheRest(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	s.Mount("dm-12", "/var/lib/x")
	p := planned(t, s.sweeper(t))
	d, found := p.Survey.Find(s.lu.WWID())
	require.True(t, found)
	require.Contains(t, strings.Join(d.Reasons, "; "), "in use: mount /var/lib/x")
	require.Empty(t, p.Steps)
}

// The host changes between the two looks of a plan.
func TestPlanNeedsTwoLooksThatAgree(t *testing.T) {
	tests := []struct {
		name   string
		change func(*scenario)
		reason string
	}{
		{"it was alive at the first", func(s *scenario) { s.Unmap(s.lu) }, "the look before found it healthy"},
		{"it is alive at the second", func(s *scenario) { s.Restore(s.lu) }, ""},
		{"it was mounted since", func(s *scenario) { s.Mount("dm-12", "/x") }, "in use: mount /x"},
		{"a path came since", func(s *scenario) { s.lu.Path("sdk", s.target(41), 1); s.Unmap(s.lu) }, "its devices changed between two looks"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Fail)
			if strings.HasPrefix(tt.name, "it was alive") {
				s.Restore(s.lu)
			}
			looks := 0
			sw := s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
				if e.Kind == remediate.EventLook {
					if looks++; looks == 2 {
						tt.change(s)
					}
				}
			}))
			p := planned(t, sw)
			d, _ := p.Survey.Find(s.lu.WWID())
			require.Contains(t, strings.Join(d.Reasons, "; "), tt.reason)
		})
	}
}

func TestPlanDwells(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	var kinds []remediate.EventKind
	sw := s.sweeper(t, remediate.WithDwell(time.Millisecond), remediate.WithObserver(func(e remediate.Event) {
		kinds = append(kinds, e.Kind)
	}))
	p := planned(t, sw, s.lu.WWID())
	want := []remediate.EventKind{remediate.EventLook, remediate.EventWait, remediate.EventLook}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	d, _ := p.Survey.Find(s.lu.WWID())
	require.Equal(t, 2, d.Evidence.Looks)

	ctx, cancel := context.WithCancel(t.Context())
	sw = s.sweeper(t, remediate.WithDwell(time.Hour), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventWait {
			cancel()
		}
	}))
	_, err := sw.Plan(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// target is a third session.
func (s *scenario) target(host int) *remediatetest.Target {
	return s.Session("iqn.2003-01.org.example:c", host)
}

func TestPlanTripsTheBreaker(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	s.Unmap(s.healthy)
	p, err := s.sweeper(t).Plan(within(t))
	var breaker *remediate.BreakerError
	require.ErrorAs(t, err, &breaker)
	require.Equal(t, remediate.BreakerError{Dead: 2, All: 2, Of: "maps", Share: 0.5}, *breaker)
	require.Empty(t, p.Targets)
	require.NotNil(t, p.Survey)
}

// Maps whose disks have all gone count, as they go in a long outage on Fibre
// Channel.
func TestPlanTripsTheBreakerOfEmptyMaps(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	s.StopDaemon() // which would take the maps away with their last paths
	s.DeletedByHand("sdb", "sdc", "sdi", "sdj")
	expectTripped(t, s, remediate.BreakerError{Dead: 2, All: 2, Of: "maps", Share: 0.5})
}

// Where there are no maps, disks count.
func TestPlanTripsTheBreakerOfDisks(t *testing.T) {
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39)}
	h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", gib, "LIO-ORG", "vol-a").Path("sdb", s.a, 2)
	for i, dev := range []string{"sdc", "sdd", "sde"} {
		h.Unmap(h.LU(fmt.Sprintf("6001405%025x", i), gib, "LIO-ORG", dev).Path(dev, s.a, uint64(3+i)))
	}
	expectTripped(t, s, remediate.BreakerError{Dead: 3, All: 4, Of: "iSCSI and FC LUs", Share: 0.5})
}

// However many disks a host has of its own, they do not hide that an array's are
// all lost.
func TestPlanTripsTheBreakerOfDisksBesideOwn(t *testing.T) {
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Session("iqn.2003-01.org.example:a", 39)}
	own := h.Controller(2)
	for i, dev := range []string{"sdb", "sdc", "sdd", "sde"} {
		h.LU(fmt.Sprintf("500253%010x", i), gib, "ATA", dev).Path(dev, own, uint64(1+i))
	}
	for i, dev := range []string{"sdf", "sdg"} {
		h.Unmap(h.LU(fmt.Sprintf("6001405%025x", i), gib, "LIO-ORG", dev).Path(dev, s.a, uint64(3+i)))
	}
	expectTripped(t, s, remediate.BreakerError{Dead: 2, All: 2, Of: "iSCSI and FC LUs", Share: 0.5})
}

// Where no transport can tell an array's disks from the host's own, all count.
func TestPlanTripsTheBreakerOfDisksWithoutTransport(t *testing.T) {
	h := remediatetest.New(t)
	s := &scenario{Host: h, a: h.Controller(39)}
	for i, dev := range []string{"sdb", "sdc"} {
		h.Unmap(h.LU(fmt.Sprintf("6001405%025x", i), gib, "LIO-ORG", dev).Path(dev, s.a, uint64(3+i)))
	}
	expectTripped(t, s, remediate.BreakerError{Dead: 2, All: 3, Of: "LUs", Share: 0.5})
}

func expectTripped(t *testing.T, s *scenario, want remediate.BreakerError) {
	t.Helper()
	p, err := s.sweeper(t).Plan(within(t))
	var breaker *remediate.BreakerError
	require.ErrorAs(t, err, &breaker)
	require.Equal(t, want, *breaker)
	require.Empty(t, p.Targets)
}

func TestPlanSurvivesJSON(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	text, err := json.Marshal(p)
	require.NoError(t, err)
	for name, doc := range map[string]string{"by itself": string(text), "within a report": `{"schema":1,"plan":` + string(text) + `}`} {
		got, err := remediate.ReadPlan(strings.NewReader(doc))
		require.NoError(t, err, name)
		want := *p
		want.Survey = nil
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	_, err = remediate.ReadPlan(bytes.NewReader(bytes.Replace(text, []byte("sdi"), []byte("sda"), 1)))
	var stale *remediate.StaleError
	require.ErrorAs(t, err, &stale, "an edited plan")
	_, err = remediate.ReadPlan(bytes.NewReader(text[:len(text)/2]))
	require.Error(t, err, "a plan that is cut short")
}

// What never ends is no plan.
func TestReadPlanEnds(t *testing.T) {
	_, err := remediate.ReadPlan(endless{})
	require.ErrorContains(t, err, "read the plan: it is larger than 64 MiB")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A plan that one process makes is accepted by another, on another copy of the
// same simulated host.
func TestPlanFitsTheSamePresetElsewhere(t *testing.T) {
	made := remediatetest.New(t)
	made.Stage("residual")
	first := &scenario{Host: made}
	p := planned(t, first.sweeper(t), remediatetest.WWIDb)
	text, err := json.Marshal(p)
	require.NoError(t, err)

	p, err = remediate.ReadPlan(bytes.NewReader(text))
	require.NoError(t, err)
	other, err := remediatetest.OpenPreset("residual", "")
	require.NoError(t, err)
	defer other.Close()
	second := &scenario{Host: other}
	res := executed(t, second.sweeper(t), p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}
