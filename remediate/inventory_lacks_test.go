package remediate_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// An inventory that lacks LUNs that answer is not the target's: an array that is just
// coming up, a RAID controller whose volumes each list themselves alone.
func TestInventoryThatLacksWhatLives(t *testing.T) {
	t.Parallel()
	h := remediatetest.New(t)
	s := &scenario{Host: h}
	c := h.Controller(2)
	h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 10*gib, "HP", "vol-0").Path("sdb", c, 0)
	h.LU("60014055a0b4e2f6d3c84b1a97f0e2d2", 10*gib, "HP", "vol-2").Path("sdc", c, 2)
	h.LU("60014055a0b4e2f6d3c84b1a97f0e2d3", 10*gib, "HP", "vol-3").Path("sdd", c, 3)
	s.lu = h.LU("60014055e7c14d0b8aa4f6e92d3b7c05", 10*gib, "HP", "vol-1").Path("sdi", c, 1)
	h.Vanish(s.lu) // no command gets to it, nor does a read
	sys := h.System()
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		d, err := open(ctx, path)
		if err != nil {
			return nil, err
		}
		return scsi.New(asked{d, filepath.Base(path) == "sdi"}), nil
	}
	sw := s.on(t, sys)
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.False(t, d.Removable, "%s: %v", d.Verdict, d.Reasons)
}

// asked carries commands to d through its own methods.
type asked struct {
	d      *scsi.Device
	silent bool
}

func (a asked) Do(ctx context.Context, cmd scsi.Command) (scsi.Reply, error) {
	switch {
	case a.silent:
		return scsi.Reply{Host: 0x01}, nil
	case cmd.CDB[0] == 0xa0:
		return scsi.Reply{Data: []byte{0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, nil
	case cmd.CDB[0] == 0x00:
		return scsi.Reply{}, a.d.TestUnitReady(ctx)
	case cmd.CDB[1]&1 == 0:
		b := make([]byte, 36)
		b[4] = 31
		copy(b[8:], "HP      ")
		return scsi.Reply{Data: b}, nil
	}
	b, err := a.d.VPD(ctx, cmd.CDB[2])
	return scsi.Reply{Data: b[:min(len(b), cmd.Alloc)]}, err
}
