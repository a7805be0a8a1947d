package remediatetest_test

import (
	"context"
	"fmt"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The runbook's own case, from the plan to what was done.
func Example() {
	h, err := remediatetest.OpenPreset("residual", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0),
		remediate.WithOwner(func(_ context.Context, lu remediate.Subject) (remediate.Claim, error) {
			if lu.WWID == remediatetest.WWIDb {
				return remediate.Claim{Owner: remediate.Mine, Source: "the volume's record"}, nil
			}
			return remediate.Claim{Owner: remediate.NotMine}, nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	plan, err := s.Plan(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := s.Execute(ctx, plan)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Results {
		fmt.Println(r.WWID, r.Outcome)
	}
	for _, a := range h.Actions() {
		fmt.Println(a)
	}
	// Output:
	// 360014055e7c14d0b8aa4f6e92d3b7c05 removed
	// multipath -f mpathb
	// sdi state offline
	// sdi delete
	// sdj state offline
	// sdj delete
}
