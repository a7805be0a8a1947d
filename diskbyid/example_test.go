package diskbyid_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/lunsweep/lunsweep/diskbyid"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

var ctx = context.Background()

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// simulated is a host to look at; on a real one it is sysfs.New("/").
func simulated(preset string) (*remediatetest.Host, *diskbyid.Dir) {
	h := must(remediatetest.OpenPreset(preset, ""))
	return h, diskbyid.New(must(sysfs.New(h.Tree())))
}

// Which links name a volume, and where do they lead?
func ExampleDir_Naming() {
	h, dir := simulated("clean")
	defer h.Close()
	for _, l := range must(dir.Naming(ctx, remediatetest.WWIDc)) {
		fmt.Println(l.Name, l.Dev, l.Dangling, l.Claims(remediatetest.WWIDc))
	}
	l := must(dir.Resolve(ctx, "dm-name-mpathc"))
	fmt.Println(l.Target, len(must(dir.List(ctx))))
	_, err := dir.Resolve(ctx, "dm-name-none")
	fmt.Println(errors.Is(err, fs.ErrNotExist), dir.Stuck())
	// Output:
	// dm-uuid-mpath-36001405f2d6c9e18b374a05ac81d9f36 dm-13 false true
	// scsi-36001405f2d6c9e18b374a05ac81d9f36 dm-13 false true
	// wwn-0x6001405f2d6c9e18b374a05ac81d9f36 dm-13 false true
	// ../../dm-13 14
	// true []
}

// After a removal: wait until udev has taken the links away.
func ExampleDir_WaitGone() {
	h, dir := simulated("empty-map")
	defer h.Close()
	ended, cancel := context.WithCancel(ctx)
	cancel() // no time to wait
	_, err := dir.WaitGone(ended, remediatetest.WWIDb, nil)
	var left *diskbyid.LeftError
	fmt.Println(errors.As(err, &left), errors.Is(err, context.Canceled))

	others, err := dir.WaitGone(ctx, remediatetest.WWIDb, func(dev string) bool { return dev != "dm-12" })
	fmt.Println(len(others), err)
	// Output:
	// true true
	// 3 <nil>
}

func ExampleDir_Settled() {
	h, dir := simulated("residual")
	defer h.Close()
	fmt.Println(dir.Settled(ctx))
	// Output: true <nil>
}

// A simulated host has no udev that would know anything.
func ExampleDir_Known() {
	h, dir := simulated("residual")
	defer h.Close()
	fmt.Println(dir.Known(ctx, sysfs.DevNum{Major: 8, Minor: 128}))
	// Output: false <nil>
}

// After an attachment: wait until the links lead to the map.
func ExampleDir_WaitMoved() {
	h, dir := simulated("clean")
	defer h.Close()
	fmt.Println(dir.WaitMoved(ctx, remediatetest.WWIDc, "dm-13"))
	// Output: <nil>
}

func ExampleIdentity() {
	for _, name := range []string{"scsi-36001405f2d6c9e18b374a05ac81d9f36-part1", "wwn-0x6001405f2d6c9e18b374a05ac81d9f36", "dm-name-mpathc"} {
		fmt.Println(diskbyid.Identity(name))
	}
	// Output:
	// 36001405f2d6c9e18b374a05ac81d9f36 true
	// 36001405f2d6c9e18b374a05ac81d9f36 true
	//  false
}

// A link that udev has not moved yet names one volume and leads to another.
func ExampleMisleading() {
	h, dir := simulated("clean")
	defer h.Close()
	link := filepath.Join(h.Tree(), "dev/disk/by-id", "wwn-0x"+remediatetest.WWIDc[1:])
	if err := errors.Join(os.Remove(link), os.Symlink("../../dm-14", link)); err != nil {
		log.Fatal(err)
	}
	wwids := map[string]string{"dm-13": remediatetest.WWIDc, "dm-14": remediatetest.WWIDd}
	for _, l := range diskbyid.Misleading(must(dir.List(ctx)), func(dev string) string { return wwids[dev] }) {
		fmt.Println(strings.HasPrefix(l.Name, "wwn-"), l.Dev)
	}
	// Output: true dm-14
}
