// Package remediatetest simulates a host with leftovers of lost LUNs, for tests
// of programs that use package remediate, and for trying them out.
//
// Only what stands under the real code is simulated: a tree of files for /sys,
// /proc and /dev, the answers of the targets, the programs multipath and
// multipathd with what they print, the ioctls of device-mapper, and direct
// reads. The real packages parse, judge and act on top of it, unchanged.
//
//	h := remediatetest.New(t)
//	a, b := h.Session("iqn.2003-01.org.example:a", 39), h.Session("iqn.2003-01.org.example:b", 40)
//	lu := h.LU("60014055e7a34c1f0b24c6d9f0a1b2c3", 10<<30, "LIO-ORG", "vol-17")
//	lu.Path("sdi", a, 1).Path("sdj", b, 1)
//	h.Map("mpathb", "dm-12", lu, remediatetest.Fail)
//	h.Unmap(lu)
//	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0), …)
//
// # What is awkward, as on a real host
//
// A change of a target's LUNs is told by a unit attention, once to every path.
// What the kernel cached of a LU (wwid, vpd_pg80, vpd_pg83) stays as it is when
// the LUN is unmapped, or given to another LU. multipathd lists a path for a
// moment after it was deleted. A map outlives its last path, and is then printed
// without vendor and paths. The links in /dev/disk/by-id lead to the map where
// there is one, and go with their devices. A read from a queueing map without a
// usable path does not come back until queueing is switched off.
//
// # Privileges
//
// None. It runs on every system that has symbolic links.
//
// # Concurrency
//
// A [Host] and its parts are safe for concurrent use.
//
// # Errors
//
// The set-up returns none: with [New] whatever is wrong ends the test, with
// [Open] it is kept for [Host.Err].
//
// # When not to use it
//
// As proof that something works on a real kernel. It shows what the code does in
// a situation that is described here, not that a kernel gets into it so.
package remediatetest
