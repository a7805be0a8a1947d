package remediatetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A delete that the kernel does not come back from, for as long as the test
// likes.
func ExampleHost_StuckDelete() {
	h := newHost()
	defer h.Close()
	lu, _ := h.Volume("vol-1", remediatetest.Fail)
	h.Unmap(lu)
	h.StuckDelete("sdb")

	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		for !slices.Contains(h.Actions(), "sdb delete") {
			time.Sleep(time.Millisecond)
		}
		giveUp()
	}()
	s := sweeper(h.System())
	report, err := s.Clear(ctx, lu.WWID())
	var late *remediate.TimeoutError
	fmt.Println(report.Results[0].Outcome, errors.As(err, &late) && late.Stuck, len(s.Stuck()))

	h.Release()
	for len(s.Stuck()) > 0 {
		time.Sleep(time.Millisecond)
	}
	report, err = s.Clear(context.Background(), lu.WWID())
	fmt.Println(report.Results[0].Outcome, err, lu.Remains())
	// Output:
	// stuck true 1
	// removed <nil> []
}

// A read that hangs on a map whose paths look well.
func ExampleHost_HangRead() {
	h := newHost()
	defer h.Close()
	h.Patience(2 * time.Second)
	lu, m := h.Volume("vol-1", remediatetest.Fail)
	h.HangRead("dm-11")
	s := sweeper(h.System())
	sv, err := s.Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	d, _ := sv.Find(lu.WWID())
	fmt.Println(m.WWID() == d.WWID, d.Read, d.Verdict, len(s.Stuck()))
	// Output:
	// true hung degraded 1
}

// A map that udev has open at the first flush, and that the second one leaves
// suspended, as multipath -f of some versions does.
func ExampleHost_BusyOnFlush() {
	h := newHost()
	defer h.Close()
	lu, m := h.Volume("vol-1", remediatetest.Fail)
	h.Unmap(lu)
	h.BusyOnFlush(m, 1)
	h.After("in use", func() { h.SuspendOnFlush(m) })

	for range 2 {
		report, _ := sweeper(h.System()).Clear(context.Background(), lu.WWID())
		fmt.Println(report.Results[0].Outcome)
	}
	for _, a := range h.Actions() {
		fmt.Println(a)
	}
	// Output:
	// refused
	// removed
	// multipath -f mpatha: map in use
	// multipath -f mpatha: left suspended
	// dm resume mpatha
	// multipath -f mpatha
	// sdb state offline
	// sdc state offline
	// sdb delete
	// sdc delete
}

// A new volume gets the disk's name and address in the midst of the removal: it
// is none of the library's business.
func ExampleHost_After() {
	h := newHost()
	defer h.Close()
	a := h.Session("iqn.2003-01.org.example:a", 39)
	lost := h.LU("60014055e7a34c1f0b24c6d9f0a1b2c3", 10<<30, "LIO-ORG", "vol-1").Path("sdb", a, 1)
	h.Unmap(lost)
	var fresh *remediatetest.LU
	h.After("sdb delete", func() {
		fresh = h.LU("60014051d8f7a3b9c6e40258d17b3f9e", 10<<30, "LIO-ORG", "vol-2").Path("sdb", a, 1)
	})

	report, err := sweeper(h.System()).Clear(context.Background(), lost.WWID())
	fmt.Println(report.Results[0].Outcome, err)
	fmt.Println(lost.Remains(), fresh.Remains())
	// Output:
	// removed <nil>
	// [] [disk sdb (39:0:0:1)]
}
