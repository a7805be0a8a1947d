// Package remediate finds the multipath maps and SCSI disks that a lost LUN
// left behind, proves that they are dead and unused, removes them, and proves
// that they are gone. It is the only package of this module with policy.
//
// The work flows one way: [Sweeper.Survey] observes and judges, [Sweeper.Plan]
// turns two agreeing surveys into data, [Sweeper.Execute] does what a plan says
// and nothing else, [Sweeper.Verify] looks for the identity afterwards.
//
//	s, err := remediate.New(remediate.WithOwner(mine))
//	plan, err := s.Plan(ctx)
//	report, err := s.Execute(ctx, plan)
//
// For one volume at a time, as a driver works, there is [Sweeper.ClearLUN] before
// a volume is attached, [Sweeper.VerifyIdentity] before it is used, and
// [Sweeper.Clear] when it has left.
//
// # Two keys
//
// Nothing is removed unless both hold, at plan time and right before the act.
// It is dead: the target itself says over a live link that there is no such LU,
// on every path; or the owner attests that the volume is detached, every path
// has failed and the read fails; or the caller asked for the operator's rule by
// name ([WithRunbook]). And it is ours and unused: the [Owner] says [Mine], and
// nobody uses it. [Judge] is the whole of the first key, as a pure function.
//
// Before either key comes what is nobody's to remove: the host's own disks, and
// those that [WithProtected] names.
//
// # Runs that are killed, and runs side by side
//
// A run holds a lock on each LU that it works on, which the kernel lets go when
// it dies, and notes what would have to be put right before it does it: see
// [WithLockDir]. [Sweeper.Recover] puts it right, whichever run comes next; what
// a note says allows nothing else. A map then queues again, is not suspended,
// and its paths run, whether its LU is dead or has come back; what is dead goes
// by the next plan, as if nothing had been.
//
// # Privileges
//
// Root, for SCSI commands, open counts and other processes' open files. Without
// it Survey returns what can be seen and an error that matches fs.ErrPermission.
//
// # Errors
//
// Decide with errors.As on *[ProtectedError], *[InUseError], *[StaleError],
// *[EvidenceError], *[NotOwnedError], *[BreakerError], *[RemainsError],
// *[TimeoutError], *[IdentityError], *[LockedError] and *[OpError], and with
// errors.Is on fs.ErrPermission and the context's errors.
//
// # Concurrency
//
// A [Sweeper] is safe for concurrent use. One Execute works on several LUs side
// by side and on each LU one step at a time, and no two on the same LU.
//
// # Time
//
// Every call comes back by the end of its context and a second, whatever the
// kernel, multipathd, udev, an [Owner] or a journal does, and every step of a
// plan has a time of its own. What does not come back is left behind: it is
// bounded in number, not begun a second time, listed by [Sweeper.Stuck], and
// taken up by the next call when it has ended. Without a deadline a call may
// take as long as its steps.
//
// A survey reads each attribute of sysfs once, sends each command once to each
// disk and asks multipathd one question, whatever the number of maps; calls that
// run side by side, and the LUs of one Execute, look at the host together.
//
// # When not to use it
//
// To detach a volume that is still mapped: close its users, flush its map and
// let the array unmap it; this package refuses LUs that are alive. To find out
// whether a file system is in use, read the mount table.
package remediate
