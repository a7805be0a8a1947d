package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The mixed map bears its LU's T10 name, as where multipathd names maps by that. The
// other LU's disk is then nobody's but the map's.
func TestMixedMapByT10Name(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]bool{"other gone on that path, used elsewhere": false, "other in an outage, owner attests the map's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, remediatetest.Fail)
			sys := m.System()
			dev := filepath.Join(m.Tree(), "sys/block/sdi/device")
			page, err := os.ReadFile(filepath.Join(dev, "vpd_pg83"))
			require.NoError(t, err)
			scsiName := t10Of(t, page)
			require.NotEmpty(t, scsiName)
			m.KnownAs(m.m, scsiName)
			owner := remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
				if sub.WWID == scsiName {
					return remediate.Claim{Owner: remediate.Mine, Detached: true}, nil
				}
				return remediate.Claim{Owner: remediate.NotMine}, nil
			})
			if outage {
				m.Unmap(m.lu)
				m.Outage(m.b)
			} else {
				m.unmapBoth()
			}
			sw := m.on(t, sys, owner, remediate.WithMaxDead(1), remediate.WithParallel(1), remediate.WithProtected(m.other.WWID()))
			p, err := sw.Plan(within(t))
			require.NoError(t, err)
			if len(p.Targets) > 0 {
				_, err := sw.Execute(within(t), p)
				require.NoError(t, err)
				require.NotContains(t, m.log(), "sdj delete")
			}
			for _, x := range p.Targets {
				for _, pin := range x.Paths {
					require.NotEqual(t, "sdj", pin.Dev, "the disk of %s, which is protected and not ours, is to be deleted as %s's", m.other.WWID(), x.WWID)
				}
			}
		})
	}
}

func t10Of(t *testing.T, page []byte) string {
	t.Helper()
	for b := page[4:]; len(b) >= 4; {
		n := int(b[3])
		if b[1]&0x3f == 0x01 {
			return "1" + strings.ReplaceAll(strings.Join(strings.Fields(strings.TrimRight(string(b[4:4+n]), "\x00")), "_"), " ", "_")
		}
		b = b[4+n:]
	}
	return ""
}

// The other LU names itself by a T10 name alone. Its living disk, which it is to the kernel
// too, is in the map by mistake, and must not be deleted as a lost path of the map's LU.
func TestMixedMapOtherNamesItselfByT10(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"the map's own path alive": false, "the map's own path gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMixedMap(t, remediatetest.Fail)
			if gone {
				m.Unmap(m.lu)
			}
			file := filepath.Join(m.Tree(), "sys/block/sdj/device/vpd_pg83")
			page, err := os.ReadFile(file)
			require.NoError(t, err)
			var out []byte
			for b := page[4:]; len(b) >= 4; { // without its NAA name
				n := 4 + int(b[3])
				if b[1]&0x3f != 0x03 {
					out = append(out, b[:n]...)
				}
				b = b[n:]
			}
			require.NoError(t, os.WriteFile(file, append([]byte{0, 0x83, byte(len(out) >> 8), byte(len(out))}, out...), 0o600))
			owner := remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
				if sub.WWID == m.lu.WWID() {
					return remediate.Claim{Owner: remediate.Mine}, nil
				}
				return remediate.Claim{Owner: remediate.NotMine}, nil
			})
			sw := m.sweeper(t, owner, remediate.WithMaxDead(1))
			p, err := sw.Plan(within(t))
			require.NoError(t, err)
			if len(p.Targets) > 0 {
				_, err := sw.Execute(within(t), p)
				require.NoError(t, err)
			}
			require.NotContains(t, m.log(), "sdj delete", "the living disk of another LU")
		})
	}
}

// The WWID of a map may be the LU's NAA name in another writing (uid_attribute ID_WWN).
func TestMapByAnotherWriting(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, prefix := range []string{"0x", "naa.", ""} {
			t.Run(prefix, func(t *testing.T) {
				t.Parallel()
				s := before(t, remediatetest.Fail)
				name := prefix + s.lu.WWID()[1:]
				sys := s.System()
				s.KnownAs(s.m, name)
				if lost {
					s.Unmap(s.lu)
				}
				sw := s.on(t, sys)
				sv, err := sw.Survey(within(t))
				require.NoError(t, err)
				d, found := sv.Find(name)
				require.True(t, found)
				if !lost {
					require.Equal(t, remediate.Healthy, d.Verdict, "%v", d.Reasons)
					return
				}
				require.Equal(t, remediate.Stale, d.Verdict, "%v", d.Reasons)
				p, err := sw.Plan(within(t))
				require.NoError(t, err)
				require.Len(t, p.Targets, 1)
				require.Len(t, p.Targets[0].Paths, 2, "foreign: %v", p.Targets[0].Foreign)
			})
		}
	}
}
