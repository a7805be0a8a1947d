package sysfs_test

import (
	"fmt"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// Who has a device mounted, in whatever mount namespace, or swaps to it?
func ExampleFS_Mounts() {
	h, host := simulated("clean")
	defer h.Close()
	h.MountElsewhere("dm-13", "/data", 4100)
	h.Swap("dm-14")
	all := must(host.Mounts(ctx))
	for _, m := range all.List {
		if m.Devt.Major == 253 {
			fmt.Println(m.Devt, m.FSType, m.Source, m.Point, m.PID)
		}
	}
	fmt.Println(len(all.Blind), len(all.Pinned))
	for _, s := range must(host.Swaps(ctx)) {
		fmt.Println(s.Path, s.Type == sysfs.SwapPartition, s.Devt)
	}
	// Output:
	// 253:11 ext4 /dev/mapper/mpatha /var/lib/kubelet/pods/7d0c/volumes/kubernetes.io~csi/vol-db-0/mount 1
	// 253:13 ext4 /dev/mapper/mpathc /data 4100
	// 0 0
	// /dev/dm-14 true 253:14
}

// Which processes have a device open, and does one wait for it for ever?
func ExampleFS_Openers() {
	h, host := simulated("queueing")
	defer h.Close()
	h.Open("dm-13", 4100, "postgres", remediatetest.Writing)
	maps := func(d sysfs.DevNum) bool { return d.Major == 253 }
	open := must(host.Openers(ctx, maps))
	for _, o := range open.List {
		fmt.Printf("%s %s %d writes: %v waits: %v %q\n", o.Devt, o.Comm, o.PID, o.Write, o.Blocked, o.WChan)
	}
	more := must(host.MountsIn(ctx, open.Namespaces)) // that no process is in
	fmt.Println(len(open.Blind), len(more.List))
	// Output:
	// 253:13 postgres 4100 writes: true waits: false ""
	// 253:15 dd 41700 writes: false waits: true "io_schedule"
	// 0 0
}

// What keeps a device open and shows in no list of open files: a mapping into
// memory, a loop device, an export to other hosts.
func ExampleFS_Mappings() {
	host := captured(map[string]string{
		"sys/class/block/sdb/dev": "8:16\n", "sys/block/sdb/dev": "8:16\n", "sys/block/sdb/size": "2048\n", "dev/sdb": "",
		"proc/4100/stat": "4100 (qemu) S 1 4100 4100 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 360000 0 0\n",
		"proc/4100/maps": "7f0c1a200000-7f0c1a300000 rw-s 00000000 00:06 641                        /dev/sdb\n",
		"proc/stat":      "btime 1767225600\n",

		"sys/block/loop0/dev": "7:0\n", "sys/block/loop0/size": "2048\n", "sys/block/loop0/loop/backing_file": "/dev/sdb\n",
		"sys/class/block/loop0/dev": "7:0\n",

		"sys/kernel/config/target/core/iblock_0/disk1/info":    "Status: ACTIVATED  Max Queue Depth: 128\n        iBlock device: sdb  UDEV PATH: /dev/sdb  readonly: 0\n        Major: 8 Minor: 16  CLAIMED: IBLOCK\n",
		"sys/kernel/config/target/core/iblock_0/disk1/enable":  "1\n",
		"sys/kernel/config/target/core/iblock_0/disk1/control": "",
	})
	for _, o := range must(host.Mappings(ctx, nil)).List {
		fmt.Println("mapped:", o.Comm, o.Devt, o.FD)
	}
	for _, b := range must(host.Loops(ctx)) {
		fmt.Println("loop device:", b.Name, b.BackingFile)
	}
	for _, l := range must(host.Backings(ctx)) {
		fmt.Println("stands over:", l.Name, l.Over)
	}
	for _, e := range must(host.Exports(ctx)) {
		fmt.Println("exported:", e.Name, e.Path, e.Devt)
	}
	// Output:
	// mapped: qemu 8:16 -1
	// loop device: loop0 /dev/sdb
	// stands over: loop0 8:16
	// exported: target/core/iblock_0/disk1 /dev/sdb 8:16
}
