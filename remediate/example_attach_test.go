package remediate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A LUN was given to another volume. The device of the old one reads well and is
// somebody else's: it must not be used, and goes before the new volume comes.
func ExampleSweeper_ClearLUN() {
	h, err := remediatetest.OpenPreset("remapped", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0),
		remediate.WithOwner(func(_ context.Context, lu remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine, Source: "the driver's records"}, nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	at := remediate.Address{Target: "iqn.2003-01.org.linux-iscsi.array1:node3.a", LUN: 1}

	err = s.VerifyIdentity(ctx, "/dev/mapper/mpathb", remediatetest.WWIDb)
	var wrong *remediate.IdentityError
	fmt.Println("another volume:", errors.As(err, &wrong) && wrong.Got == remediatetest.WWIDn)

	report, err := s.ClearLUN(ctx, at, remediatetest.WWIDn)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Results {
		fmt.Println(r.WWID, r.Outcome)
	}
	// now scan for the new volume, and verify its device before it is mounted

	// Output:
	// another volume: true
	// 360014055e7c14d0b8aa4f6e92d3b7c05 removed
}

// A volume has left the node, and the array has unmapped it.
func ExampleSweeper_Clear() {
	h, err := remediatetest.OpenPreset("residual", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0),
		remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine}, nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // the second time there is nothing to do
		report, err := s.Clear(context.Background(), remediatetest.WWIDb)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(report.Results[0].Outcome)
	}
	// Output:
	// removed
	// absent
}
