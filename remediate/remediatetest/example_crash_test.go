package remediatetest_test

import (
	"context"
	"fmt"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// However far a program gets before it is killed, the next one ends the work.
func ExampleHost_CrashBefore() {
	for n := 1; ; n++ {
		h := newHost()
		defer h.Close()
		lu, _ := h.Volume("vol-1", remediatetest.Queue)
		h.Unmap(lu)

		h.CrashBefore(n)
		_, _ = sweeper(h.System()).Clear(context.Background(), lu.WWID())
		if !h.Crashed() {
			fmt.Println("there is no change", n)
			return
		}
		left := len(lu.Remains())
		_, err := sweeper(h.System()).Clear(context.Background(), lu.WWID())
		fmt.Println("killed before change", n, "with", left, "left; then", lu.Remains(), err)
	}
	// Output:
	// killed before change 1 with 3 left; then [] <nil>
	// killed before change 2 with 3 left; then [] <nil>
	// killed before change 3 with 2 left; then [] <nil>
	// killed before change 4 with 2 left; then [] <nil>
	// killed before change 5 with 2 left; then [] <nil>
	// killed before change 6 with 1 left; then [] <nil>
	// there is no change 7
}

// A program dies when it has switched queueing off, and the volume comes back:
// the next program, whatever it is for, puts the map right.
func ExampleHost_CrashAfter() {
	h := newHost()
	defer h.Close()
	lu, m := h.Volume("vol-1", remediatetest.Queue)
	h.Unmap(lu)
	h.CrashAfter(1)
	_, _ = sweeper(h.System()).Clear(context.Background(), lu.WWID())
	h.Restore(lu)
	fmt.Println(h.Actions(), m.Queueing())

	done, err := sweeper(h.System()).Recover(context.Background())
	fmt.Println(len(done), err, m.Queueing(), m.Gone())
	// Output:
	// [multipathd disablequeueing map mpatha] false
	// 1 <nil> true false
}
