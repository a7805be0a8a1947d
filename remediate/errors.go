package remediate

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/pkg/errors"
)

// An OpError says what could not be done, and to what.
type OpError struct {
	Op     string // "read the SCSI devices"
	Target string // "" where it is the host
	Err    error
}

func (e *OpError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Target, e.Err)
}

func (e *OpError) Unwrap() error { return e.Err }

func opError(op, target string, err error) error {
	if err == nil {
		return nil
	}
	return errors.WithStack(&OpError{Op: op, Target: target, Err: err})
}

// errNotAllowed stands for what could not be read of a process for want of rights.
// Root itself is refused where it has not all of its rights.
var errNotAllowed = fmt.Errorf("%w: it takes root, in a container with SYS_PTRACE and DAC_READ_SEARCH, and no security module that forbids it", fs.ErrPermission)

// errOwnProcesses says that /proc is a container's.
var errOwnProcesses = errors.New("/proc shows this container's only: mount the host's under the root")

func notAllowed(err error) bool { return errors.Is(err, fs.ErrPermission) }

// An InUseError says that a LU was left alone because it is used.
type InUseError struct {
	WWID  string
	Users []Use
}

func (e *InUseError) Error() string {
	words := make([]string, len(e.Users))
	for i, u := range e.Users {
		words[i] = u.String()
	}
	return fmt.Sprintf("%s is in use: %s", e.WWID, strings.Join(words, "; "))
}

// A ProtectedError says that a LU is one of the host's own, or of those that
// [WithProtected] names, and was left alone for that.
type ProtectedError struct {
	WWID   string
	Reason string // "it carries the host's / (on dm-3)"
}

func (e *ProtectedError) Error() string {
	return fmt.Sprintf("%s is protected: %s", e.WWID, e.Reason)
}

// A StaleError says that a plan, or one step of it, does not fit the host as it
// is now. Nothing was written.
type StaleError struct {
	What  string // "map mpathb", "the plan"
	Want  string // what the plan was made for
	Found string // what is there instead
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("stale plan: %s was %s, found %s", e.What, e.Want, e.Found)
}

// An EvidenceError says that a LU is not, or no longer, proven dead.
type EvidenceError struct {
	WWID    string
	Verdict Verdict
	Reason  string
}

func (e *EvidenceError) Error() string {
	return fmt.Sprintf("%s is %s, so it stays: %s", e.WWID, e.Verdict, e.Reason)
}

// A NotOwnedError says that the caller does not, or no longer, own a LU.
type NotOwnedError struct {
	WWID  string
	Owner Ownership
}

func (e *NotOwnedError) Error() string {
	return fmt.Sprintf("%s is not ours to remove: its owner is %s", e.WWID, e.Owner)
}

// A LockedError says that another run, in this process or in another of this
// host, is at work on a LU. Nothing was changed.
type LockedError struct {
	WWID   string
	Holder string // "sweep (pid 417)", as it says itself; "" where it does not
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is being worked on by %s", e.WWID, or(e.Holder, "another run"))
}

// A BreakerError says that so many maps, or LUs, look dead at once that it is taken
// for an outage, and nothing is done.
type BreakerError struct {
	Dead, All int
	Of        string  // "maps", "LUs" (the maps and the disks without one), or of these the "iSCSI and FC LUs"
	Share     float64 // the share that would be accepted, 0 to 1
}

func (e *BreakerError) Error() string {
	return fmt.Sprintf("%d of %d %s look dead at once, more than %.0f%%: taken for an outage, nothing is done", e.Dead, e.All, e.Of, e.Share*100)
}

// A RemainsError says what of a LU is still there.
type RemainsError struct {
	WWID    string
	Remains []string // "map mpathb (dm-12)", "disk sdi (39:0:0:1)"
}

func (e *RemainsError) Error() string {
	return fmt.Sprintf("%s is still there: %s", e.WWID, strings.Join(e.Remains, ", "))
}

// A TimeoutError says that a step has not ended within its budget. Where it
// has not come back at all, Stuck is set.
type TimeoutError struct {
	What  string
	Stuck bool
	Err   error
}

func (e *TimeoutError) Error() string {
	if e.Stuck {
		return fmt.Sprintf("%s has not come back: %v", e.What, e.Err)
	}
	return fmt.Sprintf("%s took too long: %v", e.What, e.Err)
}

func (e *TimeoutError) Unwrap() error { return e.Err }
