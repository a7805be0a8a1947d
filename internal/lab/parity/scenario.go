package parity

import (
	"context"

	"github.com/lunsweep/lunsweep/remediate"
)

// A Scenario is one host, and what happens to it in turn.
type Scenario struct {
	Name string
	// Debug puts the volumes on scsi_debug, which has no transport and whose LUs
	// fall silent, in place of iSCSI targets.
	Debug   bool
	Volumes []Volume
	Acts    []Act
}

// An Act is something that happens, after which the host is surveyed and told to
// clear volumes.
type Act struct {
	Happens func(h Host)                    // nil for nothing
	During  func(h Host, e remediate.Event) // hears of each step of the clearing; nil for nobody
	Options []remediate.Option
	Clear   []string
	// Until is the step of which the caller of the clearing sees no more than
	// its first seconds; "" where he has all the time.
	Until remediate.Action
	Want  map[string]Outcome // by volume, all of them
}

// An Outcome is what the survey found a volume to be before it was to be
// cleared, what the clearing came to, and what is left of it.
type Outcome struct {
	Verdict remediate.Verdict // Unknown where the survey has no such LU
	Result  remediate.Outcome // "" where it was not to be cleared
	Error   string            // the type of the result's error, "" without one
	Left    Remains
}

// NotMine is an owner to whom nothing belongs.
func NotMine(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.NotMine, Source: "the scenario"}, nil
}

// Mine is an owner to whom everything belongs.
func Mine(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.Mine, Source: "the scenario"}, nil
}

// Detached is one who attests, moreover, that everything is unmapped.
func Detached(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.Mine, Detached: true, Source: "the scenario"}, nil
}
