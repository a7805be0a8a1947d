package remediate

import (
	"slices"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// Facts are what was observed about one LU, before any judgement.
type Facts struct {
	WWID string `json:"wwid"` // as multipath prints it; of a bare disk, its best page 0x83 designator
	// Aliases are the other WWIDs that a bare disk's pages allow: multipath may
	// have named its map by one of them.
	Aliases []string `json:"aliases,omitempty"`
	// Names are every WWID that the pages of its own paths allow, with a map or without.
	Names []string `json:"-"`
	Map   *Map     `json:"map"` // nil without a map
	Paths []Path   `json:"paths"`

	Read blockprobe.Outcome `json:"read"` // of the map, of a path where that queues, or of a bare disk
	// InUse lists every user, and everything that could not be checked: an
	// empty list says that nobody uses the LU.
	InUse []Use `json:"in_use"`
	// Blocked lists readers that are stuck on the dead map itself. They are
	// casualties, no users.
	Blocked []Use     `json:"blocked"`
	Owner   Ownership `json:"owner"`
	// Protected says why the LU is one of the host's own, or of those that
	// [WithProtected] names; "" where it is not. Such a LU is never removed,
	// whatever the verdict and whoever owns it.
	Protected string `json:"protected,omitempty"`

	Evidence Evidence `json:"evidence"`
}

// is reports whether the LU goes by this WWID.
func (f *Facts) is(wwid string) bool { return f.WWID == wwid || slices.Contains(f.Aliases, wwid) }

// names lists the WWIDs that the LU goes by, and those of the LUs of which its
// map has disks.
func (f *Facts) names() []string {
	all := append([]string{f.WWID}, f.Aliases...)
	for _, p := range f.Paths {
		if p.Foreign != "" {
			all = append(all, p.Foreign)
		}
	}
	return all
}

// A Map is one multipath map as the kernel has it.
type Map struct {
	Name      string       `json:"name"`
	DM        string       `json:"dm"` // "dm-12"
	Devt      sysfs.DevNum `json:"devt"`
	UUID      string       `json:"uuid"`
	DiskSeq   uint64       `json:"diskseq,omitempty"` // 0 before Linux 5.15
	Queueing  bool         `json:"queueing"`          // I/O waits while no path is usable
	Suspended bool         `json:"suspended"`
	OpenCount int          `json:"open_count"` // -1 where it could not be read
	// Partitions are the maps of this map's own partitions ("dm-13").
	Partitions []string `json:"partitions,omitempty"`
}

// A Path is one SCSI disk that leads, or led, to the LU.
type Path struct {
	Dev        string       `json:"dev"`         // "sdi"; "" where the SCSI device has no disk
	HCTL       sysfs.HCTL   `json:"hctl"`        //
	Devt       sysfs.DevNum `json:"devt"`        //
	DiskSeq    uint64       `json:"diskseq"`     // 0 before Linux 5.15
	Page83     string       `json:"page83"`      // digest of the cached VPD page 0x83, "" without one
	State      string       `json:"state"`       // sysfs device/state
	DMState    string       `json:"dm_state"`    // "active", "failed", "undef": the kernel's table
	CheckState string       `json:"check_state"` // multipathd's checker, "undef" where unknown
	InMap      bool         `json:"in_map"`      // a slave of the map

	// Foreign is set for a disk in the map that the kernel knows as another LU's:
	// that LU's WWID. It happens where a LUN was given to another volume, and a
	// rescan told the kernel and not multipathd. Such a disk is listed a second
	// time, as a path of its own LU; ForeignOwner says whose that is.
	Foreign      string    `json:"foreign,omitempty"`
	ForeignOwner Ownership `json:"foreign_owner,omitempty"`

	Vendor  string `json:"vendor,omitempty"`
	Product string `json:"product,omitempty"`

	Transport string     `json:"transport,omitempty"` // "session3 LOGGED_IN"
	Link      sysfs.Link `json:"link"`
	Answer    Answer     `json:"answer"`
	Proof     string     `json:"proof,omitempty"`     // the words behind Answer
	Identity  Identity   `json:"identity"`            // live page 0x83 against what the host believes
	LiveWWID  string     `json:"live_wwid,omitempty"` // of the LU that answers now
	// NotConnected is set where the target answers for the LUN and says that
	// no LU is behind it (peripheral qualifier not 0): reads may still pass.
	NotConnected bool `json:"not_connected,omitempty"`
	// Users lists who uses the disk itself, past any map, and what could not
	// be checked about that.
	Users []Use `json:"users,omitempty"`
}

// An Answer is what came of asking the LU itself, through one path. The zero
// value is [NotAsked].
type Answer uint8

// The answers. Only Gone is evidence that a LU is gone.
const (
	NotAsked Answer = iota // it could not or must not be asked
	Alive                  // it answers INQUIRY with qualifier 0, and TEST UNIT READY
	Present                // it answers, but is not ready or refuses: it exists
	Silent                 // no answer: transport error, no connection, time-out
	Gone                   // the target itself says that there is no such LU
)

var answerNames = [...]string{NotAsked: "not-asked", Alive: "alive", Present: "present", Silent: "silent", Gone: "gone"}

func (a Answer) String() string { return word(answerNames[:], int(a)) }

// MarshalText writes the answer as its word.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads an answer's word; any other is an error.
func (a *Answer) UnmarshalText(b []byte) error { return fromWord(a, answerNames[:], b, "answer") }

// An Identity says whether a live identity agrees with the believed one. The
// zero value is [IdentityUnknown].
type Identity uint8

// The results of comparing identities.
const (
	IdentityUnknown Identity = iota // one of the two is missing
	IdentityMatch
	IdentityMismatch // another LU answers
)

var identityNames = [...]string{IdentityUnknown: "unknown", IdentityMatch: "match", IdentityMismatch: "mismatch"}

func (i Identity) String() string { return word(identityNames[:], int(i)) }

// MarshalText writes the result as its word.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads a result's word; any other is an error.
func (i *Identity) UnmarshalText(b []byte) error { return fromWord(i, identityNames[:], b, "identity") }

// A Use is one thing that uses a LU, or one check that could not be made.
type Use struct {
	Kind   UseKind `json:"kind"`
	By     string  `json:"by"`     // mount point, swap path, holder's name, "dd (pid 417)"
	Detail string  `json:"detail"` // where and how
	PID    int     `json:"pid,omitempty"`
	Write  bool    `json:"write,omitempty"` // a process that could write
	// Release is the command by which an operator ends the use, where one is
	// known. It is never run here.
	Release string `json:"release,omitempty"`
}

// fleeting reports whether the use may be over in a moment, as when udev reads
// a device that has just changed.
func (u Use) fleeting() bool { return u.Kind == UseProcess && !u.Write || u.Kind == UseOpen }

// A UseKind is how a LU is used.
type UseKind string

// The kinds of use.
const (
	UseMount   UseKind = "mount"   // a file system, in any mount namespace
	UseSwap    UseKind = "swap"    //
	UseHolder  UseKind = "holder"  // a block device on top: LVM, LUKS, md, loop
	UseOpen    UseKind = "open"    // an open count that nobody explains
	UseProcess UseKind = "process" // a process that has it open
	UseUnknown UseKind = "unknown" // a check that could not be made
)

// Evidence is the raw material behind a verdict, kept so that a person can see
// why.
type Evidence struct {
	ReadReason string `json:"read_reason,omitempty"` // why the read ended as it did, or was not made
	ReadError  string `json:"read_error,omitempty"`
	Claim      Claim  `json:"claim"`
	ClaimError string `json:"claim_error,omitempty"`
	// Duplicate says, in one sentence, why this identity may belong to more
	// than one LU.
	Duplicate string `json:"duplicate,omitempty"`
	Looks     int    `json:"looks,omitempty"` // how many looks agree
}
