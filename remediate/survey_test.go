package remediate_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

func TestSurveyJudges(t *testing.T) {
	tests := []struct {
		name      string
		host      func(t *testing.T) *scenario
		opts      func(*scenario) []remediate.Option
		verdict   remediate.Verdict
		removable bool
		read      blockprobe.Outcome
		reason    string // in one of the reasons
	}{
		{
			name: "a healthy map", host: func(t *testing.T) *scenario { return before(t, remediatetest.Fail) },
			verdict: remediate.Healthy, read: blockprobe.Readable, reason: "2 paths answer as the right LU",
		},
		{
			name: "an unmapped LUN", host: func(t *testing.T) *scenario { return lost(t, remediatetest.Fail) },
			verdict: remediate.Stale, removable: true, read: blockprobe.Unreadable, reason: "05/25/00 logical unit not supported",
		},
		{
			name: "an unmapped LUN under a map that queues", host: func(t *testing.T) *scenario { return lost(t, remediatetest.Queue) },
			verdict: remediate.Stale, removable: true, read: blockprobe.Skipped, reason: "it queues",
		},
		{
			name: "an unmapped LUN 0, whose paths stay active ready",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Queue)
				s.Disconnect(s.lu)
				return s
			},
			verdict: remediate.Stale, removable: true, read: blockprobe.Skipped, reason: "peripheral qualifier 1",
		},
		{
			name: "a LUN that is silent and not listed any more",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Vanish(s.lu)
				return s
			},
			verdict: remediate.Stale, removable: true, read: blockprobe.Unreadable, reason: "REPORT LUNS through sdb does not list LUN 1",
		},
		{
			name: "a LUN that is silent on a target that nobody else can be asked about",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Vanish(s.lu)
				s.Vanish(s.healthy)
				return s
			},
			verdict: remediate.Unreachable, read: blockprobe.Unreadable, reason: "no target says that the LU is gone",
		},
		{
			name: "the same by the operator's rule",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Vanish(s.lu)
				s.Vanish(s.healthy)
				return s
			},
			opts:    func(*scenario) []remediate.Option { return []remediate.Option{remediate.WithRunbook()} },
			verdict: remediate.Stale, removable: true, read: blockprobe.Unreadable, reason: "by the operator's rule",
		},
		{
			name: "unmapped on one path",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Unmap(s.lu, s.b)
				return s
			},
			verdict: remediate.StalePath, removable: true, read: blockprobe.Readable, reason: "gone on sdj, and alive on the others",
		},
		{
			name: "both sessions down",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Outage()
				return s
			},
			verdict: remediate.Unreachable, read: blockprobe.Unreadable, reason: "an outage is not a lost LUN",
		},
		{
			name: "both sessions down, and the operator's rule",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Outage()
				return s
			},
			opts:    func(*scenario) []remediate.Option { return []remediate.Option{remediate.WithRunbook()} },
			verdict: remediate.Unreachable, read: blockprobe.Unreadable, reason: "an outage is not a lost LUN",
		},
		{
			name: "both sessions down, and the owner attests that it is detached",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Queue)
				s.Outage()
				return s
			},
			opts:    func(s *scenario) []remediate.Option { return []remediate.Option{s.detached()} },
			verdict: remediate.Stale, removable: true, read: blockprobe.Skipped, reason: "its owner attests",
		},
		{
			name:    "the owner attests that it is detached, and it answers",
			host:    func(t *testing.T) *scenario { return before(t, remediatetest.Fail) },
			opts:    func(s *scenario) []remediate.Option { return []remediate.Option{s.detached()} },
			verdict: remediate.Healthy, read: blockprobe.Readable, reason: "2 paths answer",
		},
		{
			name: "unmapped, and then the sessions went down",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.Outage()
				return s
			},
			verdict: remediate.Unreachable, read: blockprobe.Unreadable, reason: "the link is down",
		},
		{
			name: "one session down",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Outage(s.b)
				return s
			},
			verdict: remediate.Degraded, read: blockprobe.Readable, reason: "sdj does not answer",
		},
		{
			name: "sessions down a moment ago",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Stall()
				return s
			},
			verdict: remediate.Transient, read: blockprobe.Skipped, reason: `sdi is "blocked"`,
		},
		{
			name: "sessions that came back",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Queue)
				s.Outage()
				s.Recover()
				return s
			},
			verdict: remediate.Healthy, read: blockprobe.Readable, reason: "2 paths answer",
		},
		{
			name: "a LUN that was given to another volume, and reads well",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Remap(s.lu, s.another("vol-n"))
				return s
			},
			verdict: remediate.Remapped, removable: true, read: blockprobe.Readable, reason: "360014051d8f7a3b9c6e40258d17b3f9e",
		},
		{
			name: "the same, and mounted",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Mount("dm-12", "/var/lib/x")
				s.Remap(s.lu, s.another("vol-n"))
				return s
			},
			verdict: remediate.RemappedInUse, read: blockprobe.Readable, reason: "in use: mount /var/lib/x",
		},
		{
			name: "a suspended map",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.Suspend(s.m)
				return s
			},
			verdict: remediate.Suspended, read: blockprobe.Skipped, reason: "dmsetup --noudevsync resume mpathb",
		},
		{
			name: "a map whose disks were deleted by hand",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Queue)
				s.DeletedByHand("sdi", "sdj")
				return s
			},
			verdict: remediate.EmptyMap, removable: true, read: blockprobe.Skipped, reason: "no path at all",
		},
		{
			name: "disks outside any map whose LUN was unmapped",
			host: func(t *testing.T) *scenario {
				s := unmultipathed(t)
				s.Unmap(s.lu)
				return s
			},
			verdict: remediate.OrphanPath, removable: true, read: blockprobe.Unreadable, reason: "05/25/00",
		},
		{
			name: "one LU under two LUNs of one target",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.lu.Path("sdk", s.a, 7)
				return s
			},
			verdict: remediate.Ambiguous, read: blockprobe.Unreadable, reason: "two LUNs of one target",
		},
		{
			name: "a map that answers and cannot be read",
			host: func(t *testing.T) *scenario {
				s := before(t, remediatetest.Fail)
				s.Patience(20 * time.Millisecond)
				s.HangRead("dm-12")
				return s
			},
			verdict: remediate.Degraded, read: blockprobe.Hung, reason: "the read hangs",
		},
		{
			name: "an unmapped LUN without multipathd",
			host: func(t *testing.T) *scenario {
				s := lost(t, remediatetest.Fail)
				s.StopDaemon()
				return s
			},
			verdict: remediate.Stale, removable: true, read: blockprobe.Unreadable, reason: "05/25/00",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.host(t)
			var opts []remediate.Option
			if tt.opts != nil {
				opts = tt.opts(s)
			}
			d := s.find(t, opts...)
			got := struct {
				Verdict   remediate.Verdict
				Removable bool
				Read      blockprobe.Outcome
			}{d.Verdict, d.Removable, d.Read}
			want := got
			want.Verdict, want.Removable, want.Read = tt.verdict, tt.removable, tt.read
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("survey (-want +got):\n%s\nreasons %q", diff, d.Reasons)
			}
			if !strings.Contains(strings.Join(d.Reasons, "; "), tt.reason) {
				t.Errorf("reasons %q do not say %q", d.Reasons, tt.reason)
			}
			if diff := cmp.Diff([]string(nil), s.Actions()); diff != "" {
				t.Errorf("a survey changed the host:\n%s", diff)
			}
		})
	}
}

func TestSurveyNamesUsers(t *testing.T) {
	tests := []struct {
		name string
		use  func(*scenario)
		want []remediate.Use
	}{
		{"a mount", func(s *scenario) { s.Mount("dm-12", "/var/lib/x y") },
			[]remediate.Use{{Kind: remediate.UseMount, By: "/var/lib/x y"}}},
		{"a mount in a namespace of its own", func(s *scenario) { s.MountElsewhere("dm-12", "/data", 5120) },
			[]remediate.Use{{Kind: remediate.UseMount, By: "/data"}}},
		{"a mount of a partition", func(s *scenario) { s.Partition("dm-12", 1, "dm-20"); s.Mount("dm-20", "/data") },
			[]remediate.Use{{Kind: remediate.UseMount, By: "/data"}}},
		{"a swap area", func(s *scenario) { s.Swap("dm-12") },
			[]remediate.Use{{Kind: remediate.UseSwap, By: "/dev/dm-12"}}},
		{"a logical volume", func(s *scenario) { s.LVM("dm-12", "dm-20", "vg0-data") },
			[]remediate.Use{{Kind: remediate.UseHolder, By: "vg0-data (LVM, dm-20)"}}},
		{"LUKS, and a mount on it", func(s *scenario) { s.LUKS("dm-12", "dm-20", "secret"); s.Mount("dm-20", "/safe") },
			[]remediate.Use{{Kind: remediate.UseHolder, By: "secret (LUKS, dm-20)"}, {Kind: remediate.UseMount, By: "/safe"}}},
		{"a process that writes", func(s *scenario) { s.Open("dm-12", 41701, "qemu", remediatetest.Writing) },
			[]remediate.Use{{Kind: remediate.UseProcess, By: "qemu (pid 41701)"}}},
		{"a process that reads and does not wait", func(s *scenario) { s.Open("dm-12", 41702, "cat", remediatetest.Reading) },
			[]remediate.Use{{Kind: remediate.UseProcess, By: "cat (pid 41702)"}}},
		{"a process on a path", func(s *scenario) { s.Open("sdi", 41703, "dd", remediatetest.Writing) },
			[]remediate.Use{{Kind: remediate.UseProcess, By: "dd (pid 41703)"}}},
		{"an open count that nobody explains", func(s *scenario) { s.Hold("dm-12") },
			[]remediate.Use{{Kind: remediate.UseOpen, By: "open count 1"}}},
		{"an open count of a partition that nobody explains", func(s *scenario) { s.Partition("dm-12", 1, "dm-20"); s.Hold("dm-20") },
			[]remediate.Use{{Kind: remediate.UseOpen, By: "open count 1"}}},
		{"partitions alone are no use", func(s *scenario) { s.Partition("dm-12", 1, "dm-20"); s.Partition("dm-12", 2, "dm-21") },
			nil},
		{"multipathd's checker is no use", func(s *scenario) { s.Open("sdi", 41704, "multipathd", remediatetest.Reading) },
			nil},
		{"multipath at work is no use", func(s *scenario) { s.Open("sdi", 41705, "multipath", remediatetest.Reading) },
			nil},
		{"what cannot be looked at", func(s *scenario) { s.Conceal(5121, "postgres") },
			[]remediate.Use{{Kind: remediate.UseUnknown, By: "could not check"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lost(t, remediatetest.Fail)
			tt.use(s)
			sv, err := s.sweeper(t).Survey(within(t))
			if err != nil {
				require.ErrorIs(t, err, fs.ErrPermission)
			}
			d, found := sv.Find(s.lu.WWID())
			require.True(t, found)
			var got []remediate.Use
			for _, u := range d.InUse {
				got = append(got, remediate.Use{Kind: u.Kind, By: u.By})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
			want := remediate.Stale
			if tt.want != nil {
				want = remediate.StaleInUse
			}
			if d.Verdict != want || d.Removable != (tt.want == nil) {
				t.Errorf("verdict %s, removable %v", d.Verdict, d.Removable)
			}
		})
	}
}

func TestSurveyTellsCasualtiesFromUsers(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	s.Open("dm-12", 41700, "dd", remediatetest.Stuck)
	d := s.find(t)
	require.Equal(t, remediate.Stale, d.Verdict, "reasons %q", d.Reasons)
	require.Empty(t, d.InUse)
	require.Len(t, d.Blocked, 1)
	require.Equal(t, "dd (pid 41700)", d.Blocked[0].By)
	require.True(t, d.Removable)
}

func TestSurveyAsksTheOwner(t *testing.T) {
	tests := []struct {
		name      string
		claim     remediate.Claim
		err       error
		removable bool
		reason    string
	}{
		{"mine", remediate.Claim{Owner: remediate.Mine}, nil, true, "05/25/00"},
		{"not mine", remediate.Claim{Owner: remediate.NotMine}, nil, false, "it is not ours"},
		{"unknown", remediate.Claim{}, nil, false, "nobody says whose it is"},
		{"an error, whatever else is said", remediate.Claim{Owner: remediate.Mine, Detached: true},
			errors.New("API server does not answer"), false, "API server does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lost(t, remediatetest.Fail)
			d := s.find(t, remediate.WithOwner(claims(tt.claim, tt.err)))
			if d.Removable != tt.removable || !strings.Contains(strings.Join(d.Reasons, "; "), tt.reason) {
				t.Errorf("removable %v, reasons %q", d.Removable, d.Reasons)
			}
		})
	}
}

func TestSurveyTellsTheOwnerWhat(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	var got remediate.Subject
	s.find(t, remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		if sub.WWID == s.lu.WWID() {
			got = sub
		}
		return remediate.Claim{}, nil
	}), remediate.WithParallel(1))
	want := remediate.Subject{
		WWID: s.lu.WWID(), Aliases: []string{"1LIO-ORG_vol-b:8aa4f6e92d3b7c05", "SLIO-ORG_vol-b_8aa4f6e92d3b7c05", "1LIO-ORG vol-b:8aa4f6e92d3b7c05"},
		Name: "mpathb", Vendor: "LIO-ORG", Product: "vol-b", Paths: []string{"39:0:0:1", "40:0:0:1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subject (-want +got):\n%s", diff)
	}
}

func TestSurveyKeepsTheEvidence(t *testing.T) {
	d := lost(t, remediatetest.Fail).find(t)
	got := []remediate.Path{}
	for _, p := range d.Paths {
		p.Page83, p.Proof = "", ""
		got = append(got, p)
	}
	path := remediate.Path{
		State: "running", DMState: "failed", CheckState: "faulty", InMap: true, Vendor: "LIO-ORG", Product: "vol-b",
		Link: sysfs.LinkUp, Answer: remediate.Gone,
	}
	i, j := path, path
	i.Dev, i.HCTL, i.Devt, i.DiskSeq, i.Transport = "sdi", sysfs.HCTL{Host: 39, LUN: 1}, sysfs.DevNum{Major: 8, Minor: 128}, 5, "session1 LOGGED_IN"
	j.Dev, j.HCTL, j.Devt, j.DiskSeq, j.Transport = "sdj", sysfs.HCTL{Host: 40, LUN: 1}, sysfs.DevNum{Major: 8, Minor: 144}, 6, "session2 LOGGED_IN"
	if diff := cmp.Diff([]remediate.Path{i, j}, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	want := &remediate.Map{
		Name: "mpathb", DM: "dm-12", Devt: sysfs.DevNum{Major: 253, Minor: 12},
		DiskSeq: 7, UUID: "mpath-360014055e7c14d0b8aa4f6e92d3b7c05",
	}
	if diff := cmp.Diff(want, d.Map); diff != "" {
		t.Errorf("map (-want +got):\n%s", diff)
	}
}

func TestSurveyEndsWithItsContext(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.sweeper(t).Survey(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// A read that hangs costs its time-out once, and is not started again.
func TestSurveyLeavesStuckReadsAlone(t *testing.T) {
	s := before(t, remediatetest.Fail)
	s.Patience(20 * time.Millisecond)
	s.HangRead("dm-12")
	sys := s.System()
	sw := s.on(t, sys)
	for range 2 {
		_, err := sw.Survey(within(t))
		require.NoError(t, err)
	}
	require.Len(t, sys.Reader.Stuck(), 1)
}
