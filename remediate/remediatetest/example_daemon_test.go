package remediatetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// Without multipathd its programs do the work, and without these the kernel.
func ExampleHost_StopDaemon() {
	for _, system := range []func(*remediatetest.Host) remediate.System{
		(*remediatetest.Host).System, (*remediatetest.Host).SystemDM,
	} {
		h := newHost()
		lu, _ := h.Volume("vol-1", remediatetest.Fail)
		h.Unmap(lu)
		h.StopDaemon()
		report, err := sweeper(system(h)).Clear(context.Background(), lu.WWID())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s by %q\n", report.Results[0].Outcome, h.Actions()[0])
		h.Close()
	}
	// Output:
	// removed by "multipath -f mpatha"
	// removed by "dm remove mpatha"
}

// A multipathd whose lock is held answers nothing in time.
func ExampleHost_BusyDaemon() {
	h := newHost()
	defer h.Close()
	h.Volume("vol-1", remediatetest.Fail)
	h.BusyDaemon()
	_, err := h.System().Daemon.Paths(context.Background())
	fmt.Println(errors.Is(err, multipath.ErrBusy))
	// Output: true
}

// One that does not hear of a disk that has gone lists it until it is told.
func ExampleHost_DeafDaemon() {
	h := newHost()
	defer h.Close()
	h.Volume("vol-1", remediatetest.Fail)
	h.DeafDaemon()
	ctx, sys := context.Background(), h.System()
	pin, err := sys.FS.Pin(ctx, sysfs.HCTL{Host: 39, LUN: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer pin.Close()
	if err := pin.Delete(ctx); err != nil {
		log.Fatal(err)
	}
	lists := func() bool {
		paths, err := sys.Daemon.Paths(ctx)
		return err == nil && slices.ContainsFunc(paths, func(p multipath.DaemonPath) bool { return p.Dev == "sdb" })
	}
	fmt.Println(lists(), lists(), lists(), lists())
	err = sys.Daemon.ForgetPath(ctx, "sdb")
	fmt.Println(lists(), err)
	// Output:
	// true true true true
	// false <nil>
}

// A host in every detail: an array that shows two LUs through two sessions, a
// local disk, and a plan that a reboot overtakes.
func ExampleHost_LU() {
	h := newHost()
	defer h.Close()
	h.Rename("worker-7")
	a, b := h.Session("iqn.2003-01.org.example:a", 12), h.Session("iqn.2003-01.org.example:b", 13)
	lu := h.LU("60014055e7a34c1f0b24c6d9f0a1b2c3", 10<<30, "LIO-ORG", "vol-17").Path("sdi", a, 1).Path("sdj", b, 1)
	m := h.Map("mpathb", "dm-12", lu, remediatetest.Fail)
	h.LU("5000c500a1b2c3d4", 960<<30, "SEAGATE", "ST960").Path("sdz", h.Controller(5), 0)
	h.Unmap(lu, a) // behind one of two targets
	s := sweeper(h.System())
	plan, err := s.Plan(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Host, m.WWID(), plan.Targets[0].Verdict, lu.Paths())
	blocks, err := os.ReadDir(filepath.Join(h.Tree(), "sys/block"))
	fmt.Println(len(blocks), err)

	h.Reboot("0f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a")
	_, err = s.Execute(context.Background(), plan)
	var stale *remediate.StaleError
	fmt.Println(errors.As(err, &stale), stale.What, h.Actions(), h.Err())
	// Output:
	// worker-7 360014055e7a34c1f0b24c6d9f0a1b2c3 stale-path [sdi sdj]
	// 5 <nil>
	// true the plan's boot [] <nil>
}

// The hosts that come with a name.
func ExampleOpenPreset() {
	for _, p := range remediatetest.Presets() {
		fmt.Println(p.Name)
	}
	h, err := remediatetest.OpenPreset("queueing", "")
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	sv, err := sweeper(h.System()).Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range sv.Residual() {
		fmt.Println(d.Map.Name, d.Verdict, len(d.Blocked))
	}
	// Output:
	// residual
	// queueing
	// inuse
	// outage
	// remapped
	// cleared
	// clean
	// orphan
	// empty-map
	// mpathb stale 0
	// mpathe stale 1
}

func ExampleHost_Stage() {
	h := newHost()
	defer h.Close()
	h.Stage("outage")
	sv, err := sweeper(h.System()).Survey(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	d, _ := sv.Find(remediatetest.WWIDb)
	fmt.Println(d.Verdict, d.Paths[0].Transport)
	// Output:
	// unreachable session1 FAILED
}

func ExampleDiskName() {
	fmt.Println(remediatetest.DiskName(0), remediatetest.DiskName(26))
	// Output: sda sdaa
}
