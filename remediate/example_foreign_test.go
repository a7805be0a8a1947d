package remediate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// The map of a lost volume has a disk of another's, because its LUN was given to
// that one and a rescan told the kernel alone: which disks stay when the map goes.
func ExampleForeignPin() {
	h, err := remediatetest.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	h.Volume("vol-1", remediatetest.Fail)
	lost, _ := h.Volume("vol-2", remediatetest.Fail)
	h.Remap(lost, h.Unmultipathed("vol-3"))
	h.Rescan(lost.Paths()[0])
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0),
		remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine}, nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	plan, err := s.Plan(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	stays := func(f remediate.ForeignPin) string { return fmt.Sprintf("%s stays: it is a disk of %s", f.Dev, f.WWID) }
	for _, t := range plan.Targets {
		for _, f := range t.Foreign {
			fmt.Println(stays(f))
		}
	}
	// Output:
	// sdd stays: it is a disk of 3600140534e6abe3b1d16b8a87c604a1e
}

// An encrypted volume stood right on a disk that somebody has deleted: it still looks
// whole, and is told.
func ExampleStaleHolder() {
	h, err := remediatetest.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	lu := h.Unmultipathed("vol-1")
	h.LUKS(lu.Paths()[0], "dm-30", "secrets")
	h.DeletedByHand(lu.Paths()...)
	s, err := remediate.New(remediate.WithSystem(h.System()))
	if err != nil {
		log.Fatal(err)
	}
	sv, err := s.Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	ends := func(h remediate.StaleHolder) string {
		return fmt.Sprintf("%s stood on %v: %s", h.Name, h.Gone, h.Release)
	}
	for _, holder := range sv.StaleHolders {
		fmt.Println(ends(holder))
	}
	// Output:
	// secrets (LUKS, dm-30) stood on [sdb]: cryptsetup close secrets
}
