package sysfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

var ctx = context.Background()

// simulated is a host to look at; on a real one it is sysfs.New("/").
func simulated(preset string) (*remediatetest.Host, *sysfs.FS) {
	h, err := remediatetest.OpenPreset(preset, "")
	if err != nil {
		log.Fatal(err)
	}
	return h, must(sysfs.New(h.Tree()))
}

// captured is a host of which only these files are known.
func captured(files map[string]string) *sysfs.FS {
	root := must(os.MkdirTemp("", "host-"))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(files[name]), 0o644)); err != nil {
			log.Fatal(err)
		}
	}
	return must(sysfs.New(root))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// Which multipath maps are there, and what are they made of?
func Example() {
	h, host := simulated("residual")
	defer h.Close()
	for _, b := range must(host.Blocks(ctx)) {
		if wwid, ok := b.DM.Multipath(); ok {
			fmt.Println(b.Name, b.Devt, b.Size>>30, "GiB", wwid, b.Slaves)
		}
	}
	// Output:
	// dm-11 253:11 10 GiB 360014055a0b4e2f6d3c84b1a97f0e2d1 [sdb sdc]
	// dm-12 253:12 10 GiB 360014055e7c14d0b8aa4f6e92d3b7c05 [sdi sdj]
	// dm-13 253:13 10 GiB 36001405f2d6c9e18b374a05ac81d9f36 [sdd sde]
	// dm-14 253:14 10 GiB 36001405b93e07a6fd1542c88e6b0f4a7 [sdf sdg]
}

// One device, several, and one that is not there.
func ExampleFS_Block() {
	h, host := simulated("clean")
	defer h.Close()
	h.Partition("dm-13", 1, "dm-20")
	part := must(host.Block(ctx, "dm-20"))
	of, ok := part.DM.Partition()
	fmt.Println(part.DM.Name, of, ok, must(host.Block(ctx, "dm-13")).Holders)

	for _, b := range must(host.BlocksNamed(ctx, []string{"sdb", "sdz", "sda"})) {
		fmt.Println(b.Name, b.SCSI, b.Partitions)
	}
	_, err := host.Block(ctx, "sdz")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// mpathc-part1 mpath-36001405f2d6c9e18b374a05ac81d9f36 true [dm-20]
	// sdb 39:0:0:2 []
	// sda 0:0:0:0 [{sda1 8:1 []}]
	// true
}

// What the kernel remembers of a LUN is not what is there now.
func ExampleFS_SCSIDevice() {
	h, host := simulated("remapped")
	defer h.Close()
	d := must(host.SCSIDevice(ctx, sysfs.HCTL{Host: 39, LUN: 1}))
	fmt.Println(d.HCTL, d.Block, d.State, d.Vendor, d.Model, d.WWID == "naa."+remediatetest.WWIDb[1:], len(d.VPD83) > 0)
	fmt.Println(len(must(host.SCSIDevices(ctx))), len(must(host.SCSIAddresses(ctx))))
	// Output:
	// 39:0:0:1 sdi running LIO-ORG vol-pg-7 true true
	// 9 9
}

// Is the way to a disk's target up?
func ExampleFS_Transport() {
	h, host := simulated("outage")
	defer h.Close()
	for _, at := range []sysfs.HCTL{{Host: 39, LUN: 1}, {}} {
		t := must(host.Transport(ctx, at))
		fmt.Println(t.Kind, t.Name, t.State, t.Target, t.Link)
	}
	all := must(host.Transports(ctx, []sysfs.HCTL{{Host: 39, LUN: 1}, {Host: 40, LUN: 1}, {Host: 99}}))
	fmt.Println(len(all), all[sysfs.HCTL{Host: 40, LUN: 1}].Link == sysfs.LinkDown)
	// Output:
	// iscsi session1 FAILED iqn.2003-01.org.linux-iscsi.array1:node3.a down
	// none    none
	// 2 true
}

// A disk is pinned, taken offline and deleted; a newcomer of the same name and
// address is safe from what is done through the pin.
func ExampleFS_Pin() {
	h := must(remediatetest.OpenPreset("orphan", ""))
	defer h.Close()
	host := h.System().FS // with a kernel behind it
	pin := must(host.Pin(ctx, sysfs.HCTL{Host: 39, LUN: 1}))
	defer pin.Close()
	if err := pin.SetState(ctx, sysfs.StateOffline); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pin.HCTL(), must(pin.Device(ctx)).State, must(pin.State(ctx)))
	fmt.Println(pin.Delete(ctx), len(host.Stuck()))

	_, err := pin.Device(ctx)
	fmt.Println(errors.Is(err, fs.ErrNotExist), errors.Is(pin.Delete(ctx), fs.ErrNotExist))
	// Output:
	// 39:0:0:1 offline offline
	// <nil> 0
	// true true
}

// A kernel of one's own: for simulated hosts.
func ExampleWithWrite() {
	h := must(remediatetest.OpenPreset("orphan", ""))
	defer h.Close()
	host := must(sysfs.New(h.Tree(), sysfs.WithWrite(func(f *os.File, data []byte) error {
		fmt.Printf("%s: %q\n", filepath.Base(f.Name()), data)
		return nil
	})))
	pin := must(host.Pin(ctx, sysfs.HCTL{Host: 39, LUN: 1}))
	defer pin.Close()
	fmt.Println(pin.Delete(ctx))
	// Output:
	// delete: "1\n"
	// <nil>
}

// Who am I, where, since when?
func ExampleFS_BootID() {
	h, host := simulated("clean")
	defer h.Close()
	fmt.Println(must(host.Hostname(ctx)), must(host.BootID(ctx)))
	fmt.Println(must(host.SeesAllProcesses(ctx)), host.Self(ctx), host.Writable(ctx))
	for _, d := range must(host.BootDevices(ctx)) {
		fmt.Println(d.Arg, d.Devt)
	}
	fmt.Println(host.Path("dev", "sda1") == filepath.Join(h.Tree(), "dev/sda1"), must(host.Resolve(ctx, "/dev/mapper/mpatha")))
	fmt.Println(errors.Is(host.StatNode(ctx, "sdzz"), fs.ErrNotExist))
	// Output:
	// worker-3 5b1f0c62-7d9e-4c0a-9a41-3f2d8c6b7e10
	// true 0 <nil>
	// root=/dev/sda1 8:1
	// true 253:11
	// true
}

// Addresses and numbers as text, and in order.
func ExampleParseHCTL() {
	a, b := must(sysfs.ParseHCTL("39:0:0:1")), must(sysfs.ParseHCTL("39:0:0:10"))
	fmt.Println(a.Compare(b), a.SameTarget(b), a.LUN, b)
	_, err := sysfs.ParseHCTL("39:0:0")
	var wrong *sysfs.ParseError
	fmt.Println(errors.As(err, &wrong), wrong.Text, errors.Is(err, fs.ErrInvalid))

	var none sysfs.DevNum
	fmt.Println(must(sysfs.ParseDevNum("8:128")).Minor, none.IsZero())
	names := []string{"sdaa", "dm-10", "sdb", "dm-2"}
	slices.SortFunc(names, sysfs.CompareNames)
	fmt.Println(names, sysfs.Unmangle(`my\x20map`))
	// Output:
	// -1 true 1 39:0:0:10
	// true 39:0:0 true
	// 128 true
	// [dm-2 dm-10 sdb sdaa] my map
}
