package multipath_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// simulated is a host with a map that queues, mpathe, and a dd that is stuck on
// it, and its device-mapper; on a real one it is OpenDeviceMapper("").
func simulated() (*remediatetest.Host, *multipath.DeviceMapper, *sysfs.FS) {
	h := must(remediatetest.OpenPreset("queueing", ""))
	sys := h.System()
	return h, sys.Kernel.(*multipath.DeviceMapper), sys.FS
}

const uuid = "mpath-" + remediatetest.WWIDe

// What the kernel has, whatever multipathd says, and what it can be told without
// multipathd.
func ExampleDeviceMapper() {
	h, dm, _ := simulated()
	defer h.Close()
	t := must(dm.Table(ctx, must(dm.UUID(ctx, "mpathe"))))
	fmt.Println(t.Name, t.WWID() == remediatetest.WWIDe, t.Usable(), "usable, open", t.OpenCount, "queueing:", t.Queueing)
	for _, g := range t.Groups {
		fmt.Println(g.Selector, g.State)
	}
	for _, p := range t.Paths {
		fmt.Println(p.Devt, p.Failed)
	}
	fmt.Println(errors.Is(dm.Remove(ctx, uuid), multipath.ErrInUse))
	fmt.Println(dm.FailIfNoPath(ctx, uuid), dm.Remove(ctx, uuid)) // the dd ends
	_, err := dm.Table(ctx, uuid)
	fmt.Println(errors.Is(err, multipath.ErrNoMap), len(must(dm.Tables(ctx))), len(dm.Stuck()), dm.Close())
	// Output:
	// mpathe true 0 usable, open 1 queueing: true
	// service-time 0 enabled
	// 8:160 true
	// 8:176 true
	// true
	// <nil> <nil>
	// true 4 0 <nil>
}

// Partitions of a map are maps of their own, and each holds it open.
func ExampleDeviceMapper_Partitions() {
	h, dm, _ := simulated()
	defer h.Close()
	h.Partition("dm-12", 1, "dm-20")
	for _, p := range must(dm.Partitions(ctx)) {
		fmt.Println(p.Name, p.Of() == "mpath-"+remediatetest.WWIDb, p.OpenCount)
		fmt.Println(dm.RemovePartition(ctx, p.UUID))
	}
	fmt.Println(dm.QueueIfNoPath(ctx, "mpath-"+remediatetest.WWIDb), dm.Resume(ctx, "mpath-"+remediatetest.WWIDb))
	fmt.Println(h.Actions())
	// Output:
	// mpathb-part1 true 0
	// <nil>
	// <nil> <nil>
	// [dm remove mpathb-part1 dm message mpathb queue_if_no_path dm resume mpathb]
}

// Whichever of the three is there: the daemon's socket, the programs, the kernel.
func ExampleNewAuto() {
	h, mapper, sys := simulated()
	defer h.Close()
	programs := h.System().Daemon.(*multipath.Command)
	a := multipath.NewAuto(multipath.NewSocket(h.Tree()), programs, multipath.NewDM(mapper, sys), multipath.WithPatience(2*time.Second))
	fmt.Println(len(must(a.Topology(ctx)).Maps), "maps,", len(must(a.Paths(ctx))), "paths by", a.Backend())
	fmt.Println(a.DisableQueueing(ctx, "mpathe"), a.RestoreQueueing(ctx, "mpathe"), a.DisableQueueing(ctx, "mpathe"))
	fmt.Println(a.Flush(ctx, "mpathe"), a.ForgetPath(ctx, "sdk"), len(a.Stuck()))
	backend, why := a.Chosen()
	fmt.Println(backend, len(why))

	h.StopDaemon()
	fmt.Println(a.DisableQueueing(ctx, "mpathc"), a.Backend())
	// Output:
	// 5 maps, 11 paths by command
	// <nil> <nil> <nil>
	// <nil> <nil> 0
	// command 1
	// <nil> dm
}

// Each of them is a client by itself.
func ExampleDM() {
	h, mapper, sys := simulated()
	defer h.Close()
	d := multipath.NewDM(mapper, sys)
	fmt.Println(d.Backend(), len(must(d.Topology(ctx)).Maps), len(must(d.Paths(ctx))))
	fmt.Println(d.DisableQueueing(ctx, "mpathe"), d.RestoreQueueing(ctx, "mpathe"), d.DisableQueueing(ctx, "mpathe"))
	fmt.Println(d.Flush(ctx, "mpathe"), d.ForgetPath(ctx, "sdk"))

	c := h.System().Daemon.(*multipath.Command)
	fmt.Println(c.Backend(), len(must(c.Topology(ctx)).Maps), len(must(c.Paths(ctx))))
	fmt.Println(c.DisableQueueing(ctx, "mpathd"), c.RestoreQueueing(ctx, "mpathd"), errors.Is(c.ForgetPath(ctx, "sdz"), multipath.ErrNoMap))
	// Output:
	// dm 5 10
	// <nil> <nil> <nil>
	// <nil> <nil>
	// command 4 11
	// <nil> <nil> true
}

// A control node of one's own, and one that is not there.
func ExampleOpenDeviceMapper() {
	var control multipath.Control = func(context.Context, uint32, []byte) error { return syscall.EACCES }
	_, err := multipath.OpenDeviceMapper("", multipath.WithControl(control))
	fmt.Println(errors.Is(err, fs.ErrPermission))

	late := multipath.NewDeviceMapper("/no-such-dir/control") // opened when it is there
	_, err = late.Tables(ctx)
	fmt.Println(err != nil, late.Close())
	// Output:
	// true
	// true <nil>
}

// multipathd's own socket.
func ExampleNewSocket() {
	dir := must(os.MkdirTemp("", "mp"))
	defer os.RemoveAll(dir)
	address := filepath.Join(dir, "s")
	listener := must(net.Listen("unix", address))
	defer listener.Close()
	go daemon(listener)

	s := multipath.NewSocket("/", multipath.WithAddress(address))
	defer s.Close()
	fmt.Println(s.Backend(), s.Alive(ctx), len(must(s.Topology(ctx)).Maps), len(s.Stuck()))
	fmt.Println(s.DisableQueueing(ctx, "mpathb"), s.RestoreQueueing(ctx, "mpathb"))
	fmt.Println(errors.Is(s.Flush(ctx, "mpathb"), multipath.ErrInUse), s.ForgetPath(ctx, "sdi"))
	for _, p := range must(s.Paths(ctx)) {
		fmt.Println(p.Dev, p.HCTL, p.Map, p.WWID)
	}
	listener.Close()
	gone := multipath.NewSocket("/", multipath.WithAddress(address+".gone"))
	fmt.Println(errors.Is(gone.Alive(ctx), multipath.ErrNoDaemon))
	// Output:
	// socket <nil> 1 0
	// <nil> <nil>
	// true <nil>
	// sdi 39:0:0:1 mpathb 360014055e7c14d0b8aa4f6e92d3b7c05
	// true
}

// daemon answers like multipathd.
func daemon(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go talk(c)
	}
}

// talk speaks in frames of a length and a text.
func talk(c net.Conn) {
	defer c.Close()
	for head := make([]byte, 8); ; {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		order := make([]byte, binary.NativeEndian.Uint64(head))
		if _, err := io.ReadFull(c, order); err != nil {
			return
		}
		answer := "ok\n"
		switch string(order[:len(order)-1]) {
		case "show topology":
			answer = printed
		case "del map mpathb":
			answer = "fail\nmap or partition in use\n"
		}
		if string(order[:10]) == "show paths" {
			answer = "sdi\t39:0:0:1\tmpathb\t360014055e7c14d0b8aa4f6e92d3b7c05\n"
		}
		if _, err := c.Write(append(append(binary.NativeEndian.AppendUint64(nil, uint64(len(answer)+1)), answer...), 0)); err != nil {
			log.Print(err)
			return
		}
	}
}
