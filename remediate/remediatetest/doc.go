// Package remediatetest simulates a host with leftovers of lost LUNs, for tests
// of programs that use package remediate, and for trying them out.
//
//	h := remediatetest.New(t)
//	kept, _ := h.Volume("vol-1", remediatetest.Fail)
//	lost, _ := h.Volume("vol-2", remediatetest.Fail)
//	h.Unmap(lost)
//	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0), …)
//	… // the code under test
//	if left := lost.Remains(); left != nil { … }
//	if touched := h.Touched(); !slices.Equal(touched, []string{lost.WWID()}) { … }
//
// Only what stands under the real code is simulated: a tree of files for /sys,
// /proc and /dev, the answers of the targets, the programs multipath and
// multipathd with what they print, the ioctls of device-mapper, and direct
// reads. The real packages parse, judge and act on top of it, unchanged.
//
// # Making a host
//
// [Host.Volume] makes a LU with two paths and a map under names of its own
// choice; [Host.Session], [Host.LU], [LU.Path] and [Host.Map] say each of them.
// A [Preset] is a whole host under a name.
//
// # What can happen to it
//
//	on the array           Unmap, Disconnect, Vanish, Remap, Restore
//	on the way there       Stall, Outage, Recover
//	in the kernel          StuckDelete, HangRead, Release, Suspend, BusyOnFlush, SuspendOnFlush
//	users                  Mount, MountElsewhere, Swap, LVM, LUKS, Partition, Open, Hold, Claim
//	by hand                DeletedByHand, FlushedByHand
//	multipathd             StopDaemon, BusyDaemon, DeafDaemon
//	the code under test    CrashBefore, CrashAfter
//	the host               Reboot, Rename
//
// Whatever it is, [Host.After] makes it happen between two steps of the code
// under test. What was done is told by [Host.Actions] and [Host.Touched], what
// has become of it by [LU.Remains], [Map.Gone] and [Map.Queueing].
//
// # What is awkward, as on a real host
//
// A change of a target's LUNs is told by a unit attention, once to every path.
// What the kernel cached of a LU (wwid, vpd_pg80, vpd_pg83) stays as it is when
// the LUN is unmapped, or given to another LU. multipathd lists a path for a
// moment after it was deleted. It removes a map that has lost its last path; one
// that is open then stays, and is printed without vendor and paths. The links in
// /dev/disk/by-id lead to the map where there is one, and go with their devices. A
// read from a queueing map without a usable path does not come back until queueing
// is switched off.
//
// One table of scenarios is played on this host and on real kernels with several
// versions of multipath-tools, and must come to the same on all of them.
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
