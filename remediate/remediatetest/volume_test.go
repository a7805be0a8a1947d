package remediatetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Volumes that are made by name alone take what is free, beside what has been
// named.
func TestVolumesTakeWhatIsFree(t *testing.T) {
	h := New(t)
	a := h.Session("iqn.2003-01.org.example:a", 5)
	h.Map("mpatha", "dm-12", h.LU("60014055e7a34c1f0b24c6d9f0a1b2c3", 1<<30, "a", "b").Path("sdc", a, 1), Fail)
	one, m := h.Volume("one", Queue)
	two, _ := h.Volume("two", Fail)
	require.Equal(t, []string{"map mpathc (dm-13)", "disk sdb (5:0:0:2)", "disk sdd (40:0:0:1)"}, one.Remains())
	require.Equal(t, []string{"map mpathd (dm-14)", "disk sde (5:0:0:3)", "disk sdf (40:0:0:2)"}, two.Remains())
	require.True(t, m.Queueing())
	require.Equal(t, one.WWID(), New(t).Unmultipathed("one").WWID())
	require.NotEqual(t, one.WWID(), two.WWID())
	require.Equal(t, "mpathz mpathaa mpathaz mpathba", mapName(25)+" "+mapName(26)+" "+mapName(51)+" "+mapName(52))
}

// Release frees what is stuck, and what gets stuck after it stays so.
func TestReleaseIsForWhatIsStuckNow(t *testing.T) {
	h := New(t)
	lu, m := h.Volume("one", Fail)
	h.StuckDelete(lu.Paths()[0])
	h.HangRead(m.dm)
	h.Release()
	require.False(t, h.disks["sdb"].stuck || m.hangs)
	h.HangRead(m.dm)
	require.True(t, m.hangs)
}
