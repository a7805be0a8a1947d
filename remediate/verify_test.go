package remediate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

func TestVerify(t *testing.T) {
	const wwid = remediatetest.WWIDb
	tests := []struct {
		name   string
		preset string
		change func(*remediatetest.Host)
		want   remediate.Verification
	}{
		{
			"everything is there", "residual", nil,
			remediate.Verification{WWID: wwid, Remains: []string{
				"map mpathb (dm-12)", "disk sdi (39:0:0:1)", "disk sdj (40:0:0:1)",
				"multipathd's entry for sdi", "multipathd's entry for sdj",
				"link dm-uuid-mpath-" + wwid + " -> ../../dm-12", "link scsi-" + wwid + " -> ../../dm-12",
				"link wwn-0x" + wwid[1:] + " -> ../../dm-12",
			}},
		},
		{
			"only the map", "empty-map", nil,
			remediate.Verification{WWID: wwid, Remains: []string{
				"map mpathb (dm-12)",
				"link dm-uuid-mpath-" + wwid + " -> ../../dm-12", "link scsi-" + wwid + " -> ../../dm-12",
				"link wwn-0x" + wwid[1:] + " -> ../../dm-12",
			}},
		},
		{
			"only a disk, whose links came back to it", "orphan", nil,
			remediate.Verification{WWID: wwid, Remains: []string{
				"disk sdi (39:0:0:1)", "multipathd's entry for sdi",
				"link scsi-" + wwid + " -> ../../sdi", "link wwn-0x" + wwid[1:] + " -> ../../sdi",
			}},
		},
		{
			"the cached identity counts, whoever answers", "remapped",
			func(h *remediatetest.Host) { h.DeletedByHand("sdj") },
			remediate.Verification{WWID: wwid, Remains: []string{
				"map mpathb (dm-12)", "disk sdi (39:0:0:1)", "multipathd's entry for sdi",
				"link dm-uuid-mpath-" + wwid + " -> ../../dm-12", "link scsi-" + wwid + " -> ../../dm-12",
				"link wwn-0x" + wwid[1:] + " -> ../../dm-12",
			}},
		},
		{
			"a new volume owns the old names", "cleared", nil,
			remediate.Verification{WWID: wwid, Gone: true},
		},
		{"nothing", "clean", nil, remediate.Verification{WWID: wwid, Gone: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := remediatetest.New(t)
			h.Stage(tt.preset)
			if tt.change != nil {
				tt.change(h)
			}
			s := &scenario{Host: h}
			got, err := s.sweeper(t).Verify(within(t), remediate.Target{WWID: wwid})
			require.NoError(t, err)
			if tt.want.Remains == nil {
				tt.want.Remains = []string{}
			}
			tt.want.Notes = []string{}
			if diff := cmp.Diff([]remediate.Verification{tt.want}, got); diff != "" {
				t.Errorf("verification (-want +got):\n%s", diff)
			}
			require.Empty(t, h.Actions())
		})
	}
}

func TestVerifyNamesTheNewOwners(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	require.Equal(t, remediate.Removed, executed(t, sw, p).Outcome)
	n := s.another("vol-n").Path("sdi", s.a, 1).Path("sdj", s.b, 1)
	s.Map("mpathb", "dm-12", n, remediatetest.Fail)

	got, err := sw.Verify(within(t), p.Targets...)
	require.NoError(t, err)
	require.True(t, got[0].Gone, "%v", got[0].Remains)
	want := []string{
		"dm-12 is mpathb now, another map",
		"sdi is 360014051d8f7a3b9c6e40258d17b3f9e now, another LU",
		"sdj is 360014051d8f7a3b9c6e40258d17b3f9e now, another LU",
	}
	if diff := cmp.Diff(want, got[0].Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// multipathd lists a path a moment longer than the kernel has it.
func TestVerifyHearsMultipathdOut(t *testing.T) {
	s := unmultipathed(t)
	s.Unmap(s.lu)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	res := executed(t, sw, p)
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	got, err := sw.Verify(within(t), p.Targets...)
	require.NoError(t, err)
	require.True(t, got[0].Gone, "%v", got[0].Remains)
}
