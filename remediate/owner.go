package remediate

import (
	"context"
	"fmt"

	"github.com/pkg/errors"
)

// An Ownership says whose a LU is, as the caller knows it. The zero value is
// [OwnerUnknown] and means hands off.
type Ownership uint8

// The three answers to "is it ours?".
const (
	OwnerUnknown Ownership = iota // nobody knows: hands off
	Mine                          // the caller's: may be removed when dead and unused
	NotMine                       // somebody else's: hands off
)

var ownershipNames = [...]string{OwnerUnknown: "unknown", Mine: "mine", NotMine: "not-mine"}

func (o Ownership) String() string { return word(ownershipNames[:], int(o)) }

// MarshalText writes the answer as its word.
func (o Ownership) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an answer's word; any other is an error.
func (o *Ownership) UnmarshalText(b []byte) error {
	return fromWord(o, ownershipNames[:], b, "ownership")
}

// A Claim is what the owner says about one LU. The zero value claims nothing.
type Claim struct {
	Owner Ownership `json:"owner"`
	// Detached attests that the volume is unmapped from this host. It is
	// proof of death only together with failed paths and a failed read.
	Detached bool `json:"detached"`
	// Source says, for people, where the answer comes from.
	Source string `json:"source,omitempty"`
}

// A Subject is the LU that an [Owner] is asked about.
type Subject struct {
	WWID    string   // as multipath prints it
	Aliases []string // other WWIDs that multipath could know it by: for who says what is not his, too
	Name    string   // the map's name, "" without a map: for display, never identity
	Vendor  string   // of the first path, trimmed; "" where there is none
	Product string   // likewise
	Paths   []string // H:C:T:L of each path
}

// An Owner answers whose a LU is. It must not guess: where it cannot reach its
// records it returns an error, which counts as unknown and leaves the LU alone.
// It is called for several LUs at once, at plan time and again right before the
// first change.
type Owner func(ctx context.Context, s Subject) (Claim, error)

// guarded turns a panic of the owner's into an error: it is asked in goroutines
// in which no caller could recover.
func (o Owner) guarded() Owner {
	return func(ctx context.Context, s Subject) (c Claim, err error) {
		defer func() {
			if p := recover(); p != nil {
				c, err = Claim{}, errors.Errorf("the owner panicked: %v", p)
			}
		}()
		return o(ctx, s)
	}
}

// ours reports whether a LU is the caller's, and all of which its map has disks.
func ours(f Facts) bool {
	_, o := notOurs(f)
	return o == Mine
}

// notOurs is the first LU that is not the caller's: this one, or one of which its
// map has a disk. Where all are, it is this one, and Mine.
func notOurs(f Facts) (wwid string, o Ownership) {
	for _, p := range f.Paths {
		if f.Owner == Mine && p.Foreign != "" && p.ForeignOwner != Mine {
			return p.Foreign, p.ForeignOwner
		}
	}
	return f.WWID, f.Owner
}

func notOwned(f Facts) error {
	wwid, o := notOurs(f)
	return errors.WithStack(&NotOwnedError{WWID: wwid, Owner: o})
}

func ownerWords(f Facts) string {
	wwid, o := notOurs(f)
	it := "it"
	if wwid != f.WWID {
		it = "the LU " + wwid + " of which its map has a disk"
	}
	if o == NotMine {
		return fmt.Sprintf("%s is not ours, so it stays", it)
	}
	return fmt.Sprintf("nobody says whose %s is, so it stays", it)
}
