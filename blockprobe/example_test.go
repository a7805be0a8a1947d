package blockprobe_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lunsweep/lunsweep/blockprobe"
)

var ctx = context.Background()

// Read a map before it is said to be dead. A queueing map without a path is not
// read at all: that would hang.
func Example() {
	p := blockprobe.New(blockprobe.WithTimeout(5*time.Second), blockprobe.WithLimit(8),
		blockprobe.WithRead(func(path string, buf []byte) (int, error) { // in place of a real device
			if path == "/dev/dm-11" {
				return len(buf), nil
			}
			return 0, syscall.EIO
		}))
	for _, t := range []blockprobe.Target{
		{Node: "/dev/dm-11", Usable: 2},
		{Node: "/dev/dm-12", Usable: -1},
		{Node: "/dev/dm-15", Queueing: true, Usable: 0},
	} {
		r := p.Probe(ctx, t)
		fmt.Println(t.Node, r.Outcome, r.Err)
	}
	// Output:
	// /dev/dm-11 readable <nil>
	// /dev/dm-12 unreadable input/output error
	// /dev/dm-15 skipped <nil>
}

// A read that does not come back is left behind, listed, and not begun a second
// time; in the end it is told what came of it.
func ExampleProber_Stuck() {
	unplugged, ended := make(chan struct{}), make(chan struct{})
	p := blockprobe.New(blockprobe.WithTimeout(100*time.Millisecond),
		blockprobe.WithRead(func(string, []byte) (int, error) {
			<-unplugged
			return 0, syscall.EIO
		}),
		blockprobe.WithLate(func(l blockprobe.Late) {
			fmt.Println("late:", l.Key, l.Outcome)
			close(ended)
		}))
	for range 2 {
		fmt.Println(p.Probe(ctx, blockprobe.Target{Node: "/dev/dm-12", Key: "3600a098038304437", Usable: -1}).Outcome)
	}
	for _, s := range p.Stuck() {
		fmt.Println("stuck:", s.Key)
	}
	close(unplugged)
	<-ended
	// Output:
	// hung
	// hung
	// stuck: 3600a098038304437
	// late: 3600a098038304437 unreadable
}

// Is a disk held by somebody whom no list shows?
func ExampleProber_Claimed() {
	p := blockprobe.New(blockprobe.WithClaim(func(path string) error { // in place of a real device
		if path == "/dev/sdb" {
			return syscall.EBUSY
		}
		return nil
	}))
	for _, node := range []string{"/dev/sdb", "/dev/sdc"} {
		held, err := p.Claimed(ctx, blockprobe.Target{Node: node})
		fmt.Println(node, held, err)
	}
	// Output:
	// /dev/sdb true <nil>
	// /dev/sdc false <nil>
}

// The outcome says what a read means, its error what the kernel said.
func ExampleProber_Probe() {
	dir, err := os.MkdirTemp("", "probe-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r := blockprobe.New().Probe(ctx, blockprobe.Target{Node: filepath.Join(dir, "dm-12"), Usable: -1})
	fmt.Println(r.Outcome, r.Bytes, errors.Is(r.Err, os.ErrNotExist))
	// Output: other 0 true
}
