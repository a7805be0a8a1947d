package remediatetest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// newHost is remediatetest.New(t) where there is no test.
func newHost() *remediatetest.Host {
	h, err := remediatetest.Open("")
	if err != nil {
		log.Fatal(err)
	}
	return h
}

// sweeper is the code under test, to which everything belongs.
func sweeper(sys remediate.System, opts ...remediate.Option) *remediate.Sweeper {
	s, err := remediate.New(append([]remediate.Option{
		remediate.WithSystem(sys), remediate.WithDwell(0),
		remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine}, nil
		}),
	}, opts...)...)
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// A volume is unmapped on the array while the node still has it, and the code
// under test is to clear it.
func Example() {
	h := newHost() // in a test: remediatetest.New(t)
	defer h.Close()
	kept, _ := h.Volume("vol-1", remediatetest.Fail)
	lost, _ := h.Volume("vol-2", remediatetest.Fail)
	h.Unmap(lost)

	report, err := sweeper(h.System()).Clear(context.Background(), kept.WWID(), lost.WWID())
	fmt.Println("error:", err != nil)
	for _, r := range report.Results {
		fmt.Println(r.WWID == lost.WWID(), r.Outcome)
	}
	for _, a := range h.Actions() {
		fmt.Println(a)
	}
	fmt.Println(kept.Remains(), lost.Remains(), len(h.Touched()))
	// Output:
	// error: true
	// false refused
	// true removed
	// multipath -f mpathb
	// sdd state offline
	// sde state offline
	// sdd delete
	// sde delete
	// [map mpatha (dm-11) disk sdb (39:0:0:1) disk sdc (40:0:0:1)] [] 1
}

// What the host can suffer, and what the library makes of it.
func Example_faults() {
	var mapped *remediatetest.Map
	for _, fault := range []struct {
		name  string
		makes func(h *remediatetest.Host, lu *remediatetest.LU)
	}{
		{"unmapped", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Unmap(lu) }},
		{"unmapped and mapped again", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Unmap(lu); h.Restore(lu) }},
		{"unmapped as LUN 0 of LIO", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Disconnect(lu) }},
		{"silent, and not listed", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Vanish(lu) }},
		{"another LU's LUN", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Remap(lu, h.Unmultipathed("vol-3")) }},
		{"cut off a moment ago", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Stall() }},
		{"cut off for long", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Outage() }},
		{"cut off and back", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Outage(); h.Recover() }},
		{"suspended", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Suspend(mapped) }},
		{"suspended and resumed", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Suspend(mapped); h.Resume(mapped) }},
		{"disks deleted by hand", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Unmap(lu); h.DeletedByHand(lu.Paths()...) }},
		{"map flushed by hand", func(h *remediatetest.Host, lu *remediatetest.LU) { h.Unmap(lu); h.FlushedByHand(mapped) }},
	} {
		h := newHost()
		h.Volume("vol-1", remediatetest.Fail)
		lu, m := h.Volume("vol-2", remediatetest.Queue)
		mapped = m
		fault.makes(h, lu)
		sv, err := sweeper(h.System()).Survey(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		d, _ := sv.Find(lu.WWID())
		fmt.Printf("%-26s %s\n", fault.name, d.Verdict)
		h.Close()
	}
	// Output:
	// unmapped                   stale
	// unmapped and mapped again  healthy
	// unmapped as LUN 0 of LIO   stale
	// silent, and not listed     stale
	// another LU's LUN           remapped
	// cut off a moment ago       transient
	// cut off for long           unreachable
	// cut off and back           healthy
	// suspended                  suspended
	// suspended and resumed      healthy
	// disks deleted by hand      empty-map
	// map flushed by hand        orphan-path
}

// multipath names its maps by ID_WWN: the LU is known by its usual name all the same.
func ExampleHost_KnownAs() {
	h := newHost()
	defer h.Close()
	lu, m := h.Volume("vol-1", remediatetest.Fail)
	h.KnownAs(m, "0x"+lu.WWID()[1:])
	h.Unmap(lu)
	sv, err := sweeper(h.System(), remediate.WithProtected(lu.WWID()), remediate.WithMaxDead(1)).Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	d := sv.Devices[0]
	fmt.Println(d.WWID == "0x"+lu.WWID()[1:], d.Verdict, d.Removable, d.Protected == "the caller protects "+lu.WWID())
	// Output:
	// true stale false true
}

// An array on Fibre Channel, one of whose ports is cut.
func ExampleHost_RemotePort() {
	h := newHost()
	defer h.Close()
	a, b := h.RemotePort("0x5006016044601f35", 5), h.RemotePort("0x5006016c44601f35", 6)
	lu := h.LU("60060160a0b14d0012f9d45a41d7e3b6", 10<<30, "DGC", "VRAID").Path("sdi", a, 1).Path("sdj", b, 1)
	h.Map("mpathb", "dm-12", lu, remediatetest.Queue)
	h.Outage(b)
	sv, err := sweeper(h.System()).Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	d, _ := sv.Find(lu.WWID())
	fmt.Println(d.Verdict)
	for _, p := range d.Paths {
		fmt.Println(p.Dev, p.HCTL, p.Transport, p.State)
	}
	// Output:
	// degraded
	// sdi 5:0:0:1 rport-5:0-2 Online running
	// sdj 6:0:0:1 rport-6:0-3 Blocked transport-offline
}

// Everything that can use a lost volume, and who the library says it is.
func Example_users() {
	for _, use := range []func(h *remediatetest.Host, dm string){
		func(h *remediatetest.Host, dm string) { h.Mount(dm, "/mnt/data") },
		func(h *remediatetest.Host, dm string) { h.MountElsewhere(dm, "/data", 4100) },
		func(h *remediatetest.Host, dm string) { h.Swap(dm) },
		func(h *remediatetest.Host, dm string) { h.LVM(dm, "dm-20", "vg-data") },
		func(h *remediatetest.Host, dm string) { h.LUKS(dm, "dm-20", "secret") },
		func(h *remediatetest.Host, dm string) { h.Open(dm, 4100, "postgres", remediatetest.Writing) },
		func(h *remediatetest.Host, dm string) { h.Hold(dm) },
		func(h *remediatetest.Host, dm string) { h.Claim(dm) },
		func(h *remediatetest.Host, dm string) {
			h.Partition(dm, 1, "dm-20")
			h.Mount("dm-20", "/boot/data")
		},
		func(h *remediatetest.Host, dm string) { // and who has left again
			h.Mount(dm, "/mnt/data")
			h.Unmount(dm)
			h.Claim(dm)
			h.Unclaim(dm)
			h.Open(dm, 4100, "postgres", remediatetest.Writing)
			h.Kill(4100)
		},
	} {
		h := newHost()
		lu, _ := h.Volume("vol-1", remediatetest.Fail)
		use(h, "dm-11")
		h.Unmap(lu)
		sv, err := sweeper(h.System()).Survey(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		d, _ := sv.Find(lu.WWID())
		fmt.Print(d.Verdict)
		for _, u := range d.InUse {
			fmt.Print(", ", u.Kind, " ", u.By)
		}
		fmt.Println()
		h.Close()
	}
	// Output:
	// stale-in-use, mount /mnt/data
	// stale-in-use, mount /data
	// stale-in-use, swap /dev/dm-11
	// stale-in-use, holder vg-data (LVM, dm-20)
	// stale-in-use, holder secret (LUKS, dm-20)
	// stale-in-use, process postgres (pid 4100)
	// stale-in-use, open open count 1
	// stale-in-use, open open count 1
	// stale-in-use, mount /boot/data
	// stale
}

// Processes that the code under test may not look into: what cannot be checked
// counts as in use.
func ExampleHost_Conceal() {
	h := newHost()
	defer h.Close()
	lu, _ := h.Volume("vol-1", remediatetest.Fail)
	h.Unmap(lu)
	h.Conceal(4100, "bash")
	sv, err := sweeper(h.System()).Survey(context.Background())
	fmt.Println(errors.Is(err, fs.ErrPermission))
	d, _ := sv.Find(lu.WWID())
	fmt.Println(d.Verdict, d.InUse[0].Kind)
	// Output:
	// true
	// stale-in-use unknown
}

// A LUN was given to another volume, and a rescan told the kernel alone: the old
// volume's map has a disk of the new one's, which stays when the map goes.
func ExampleHost_Rescan() {
	h := newHost()
	defer h.Close()
	h.Volume("vol-1", remediatetest.Fail)
	lost, _ := h.Volume("vol-2", remediatetest.Fail)
	fresh := h.Unmultipathed("vol-3")
	h.Unmap(lost)
	h.Remap(lost, fresh)
	h.Rescan(lost.Paths()[0])
	plan, err := sweeper(h.System()).Plan(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range plan.Targets[0].Foreign {
		fmt.Println(f.Dev, f.WWID == fresh.WWID())
	}
	// Output:
	// sdd true
}
