package remediate_test

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// A voice answers SCSI commands in a disk's stead.
type voice func(ask scsireply.Ask) scsi.Reply

func (v voice) Do(ctx context.Context, cmd scsi.Command) (scsi.Reply, error) {
	ask, err := scsireply.Read(cmd.CDB)
	if err != nil {
		return scsi.Reply{}, err
	}
	r := v(ask)
	r.Data = r.Data[:min(len(r.Data), ask.Alloc)]
	return r, ctx.Err()
}

// speaking is the host on which disks answer as they are told.
func (s *scenario) speaking(v voice, disks ...string) remediate.System {
	sys := s.System()
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		for _, name := range disks {
			if filepath.Base(path) == name {
				return scsi.New(v), nil
			}
		}
		return open(ctx, path)
	}
	return sys
}

// believed is page 0x83 of the volume, as the kernel has cached it.
func (s *scenario) believed() []byte {
	id, _ := hex.DecodeString(s.lu.WWID()[1:])
	return scsireply.Identification(scsireply.NAA(id), scsireply.Port(1))
}

func check(sense []byte) scsi.Reply { return scsi.Reply{Status: 0x02, Driver: 0x08, Sense: sense} }

// ready answers as a LU that is well, but for INQUIRY's qualifier and what it
// says to TEST UNIT READY.
func (s *scenario) ready(qualifier byte, ready scsi.Reply) voice {
	return func(ask scsireply.Ask) scsi.Reply {
		switch {
		case ask.Kind == scsireply.TestUnitReady:
			return ready
		case ask.Kind == scsireply.StandardInquiry:
			return scsi.Reply{Data: scsireply.Inquiry(qualifier, 0, "LIO-ORG", "vol-b", "4.0")}
		case ask.Kind == scsireply.VPDPage && ask.Page == scsi.PageDeviceID:
			return scsi.Reply{Data: s.believed()}
		}
		return check(scsireply.FixedSense(0x5, 0x24, 0))
	}
}

// A LU that is there and will not work now, in every way that it may say so: its
// array is failing over, another host has reserved it, it is out of order. It
// answers, so it is no leftover, whatever the owner attests and the operator's
// rule says, though every path has failed and every read.
func TestOutOfOrderIsNotGone(t *testing.T) {
	t.Parallel()
	sense := func(key, asc, ascq byte) scsi.Reply { return check(scsireply.FixedSense(key, asc, ascq)) }
	by := func(host uint16, r scsi.Reply) scsi.Reply { r.Host = host; return r }
	deferred := scsireply.NotSupported()
	deferred[0] = 0x71
	for name, is := range map[string]struct {
		qualifier byte
		ready     scsi.Reply
	}{
		"target port on standby":              {0, sense(2, 0x04, 0x0b)},
		"target port in transition":           {0, sense(2, 0x04, 0x0a)},
		"target port unavailable":             {1, sense(2, 0x04, 0x0c)},
		"unavailable, descriptor format":      {1, check(scsireply.DescriptorSense(2, 0x04, 0x0c))},
		"unavailable, TEST UNIT READY is not": {1, scsi.Reply{}},
		"LU offline":                          {0, sense(2, 0x04, 0x12)},
		"no medium":                           {0, sense(2, 0x3a, 0)},
		"reserved":                            {0, scsi.Reply{Status: 0x18}},
		"reserved, by Linux before 6.0":       {0, by(0x11, scsi.Reply{Status: 0x18})},
		"refused, by Linux before 6.0":        {0, by(0x10, sense(5, 0x20, 0))},
		"out of space, by Linux before 6.0":   {0, by(0x12, sense(7, 0x27, 0x07))},
		"medium error, by Linux before 6.0":   {0, by(0x13, sense(3, 0x11, 0))},
		"hardware error":                      {0, sense(4, 0x44, 0)},
		"LUN of another kind not supported":   {0, sense(5, 0x25, 0x01)},
		"not supported, of an earlier one":    {0, check(deferred)},
		"LUNs changed, again and again":       {0, sense(6, 0x3f, 0x0e)},
		"a sense beside GOOD":                 {0, scsi.Reply{Sense: scsireply.NotSupported()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := before(t, remediatetest.Fail)
			s.Vanish(s.lu)
			sys := s.speaking(s.ready(is.qualifier, is.ready), "sdi", "sdj")
			sw := s.on(t, sys, s.detached(), remediate.WithRunbook())
			sv, err := sw.Survey(within(t))
			require.NoError(t, err)
			d, _ := sv.Find(s.lu.WWID())
			require.Equal(t, remediate.Degraded, d.Verdict, "%s %v", d.Paths[0].Answer, d.Reasons)
			require.False(t, d.Removable)
			require.Equal(t, remediate.IdentityMatch, d.Paths[0].Identity)
		})
	}
}

// An array that lists its LUNs in flat space form, where the kernel found them in
// the other, or the reverse, lists them all the same.
func TestListedInAnotherForm(t *testing.T) {
	t.Parallel()
	for name, luns := range map[string][]uint64{
		"flat space":     {0x4000 | 1, 0x4000 | 2},
		"only the other": {2, 0x4000 | 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := before(t, remediatetest.Fail)
			s.Vanish(s.lu)
			sb := s.ready(0, scsi.Reply{})
			sys := s.speaking(func(ask scsireply.Ask) scsi.Reply {
				if ask.Kind == scsireply.ReportLUNs {
					return scsi.Reply{Data: scsireply.LUNs(luns...)}
				}
				return sb(ask)
			}, "sdb", "sdc")
			sv, err := s.on(t, sys).Survey(within(t))
			require.NoError(t, err)
			d, _ := sv.Find(s.lu.WWID())
			for _, p := range d.Paths {
				require.Equal(t, remediate.Present, p.Answer, p.Proof)
			}
			require.False(t, d.Removable)
		})
	}
}

// A LU that leaves some of its names out, as one does whose array has not quite
// come up, is no other LU for that.
func TestShorterIdentityIsNoOther(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	whole := s.ready(0, scsi.Reply{})
	sys := s.speaking(func(ask scsireply.Ask) scsi.Reply {
		if ask.Kind == scsireply.VPDPage && ask.Page == scsi.PageDeviceID {
			return scsi.Reply{Data: scsireply.Identification(scsireply.T10("LIO-ORG", "vol-b:"+s.lu.WWID()[17:]))}
		}
		return whole(ask)
	}, "sdi", "sdj")
	sv, err := s.on(t, sys).Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.Equal(t, remediate.Healthy, d.Verdict, d.Reasons)
	require.Equal(t, remediate.IdentityMatch, d.Paths[0].Identity)
}

// A LU that gives nothing but its serial number, and that is the right one, is no
// other LU: whether it is the right one cannot be told for sure.
func TestSerialAloneIsNoOther(t *testing.T) {
	t.Parallel()
	for serial, want := range map[string]remediate.Identity{"": remediate.IdentityUnknown, "same": remediate.IdentityUnknown, "another": remediate.IdentityMismatch} {
		t.Run(serial, func(t *testing.T) {
			t.Parallel()
			s := before(t, remediatetest.Fail)
			if serial == "same" {
				serial = s.lu.WWID()[17:]
			}
			whole := s.ready(0, scsi.Reply{})
			sys := s.speaking(func(ask scsireply.Ask) scsi.Reply {
				switch {
				case ask.Kind == scsireply.VPDPage && ask.Page == scsi.PageDeviceID:
					return scsi.Reply{Data: scsireply.Identification(scsireply.Port(1))}
				case ask.Kind == scsireply.VPDPage && ask.Page == scsi.PageSerial && serial != "":
					return scsi.Reply{Data: scsireply.Serial(serial)}
				}
				return whole(ask)
			}, "sdi", "sdj")
			sv, err := s.on(t, sys).Survey(within(t))
			require.NoError(t, err)
			d, _ := sv.Find(s.lu.WWID())
			require.Equal(t, want, d.Paths[0].Identity, d.Reasons)
			require.Equal(t, want == remediate.IdentityMismatch, d.Verdict == remediate.Remapped, d.Reasons)
		})
	}
}
