//go:build lab && linux

package scenario

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Maps whose disks were deleted first, by hand or by a script that has the order
// wrong, failing or queueing, partitioned, written to: over multipathd's socket.
func TestEmptySocket(t *testing.T) { testEmpties(t, "socket", false) }

// Maps whose disks were deleted first, by multipath's programs.
func TestEmptyCommand(t *testing.T) { testEmpties(t, "command", false) }

// Maps whose disks were deleted first, by the kernel alone, beside a multipathd that is not told.
func TestEmptyDM(t *testing.T) { testEmpties(t, "dm", false) }

// Maps whose disks were deleted first, without multipathd and its programs.
func TestEmptyDMAlone(t *testing.T) { testEmpties(t, "auto", true) }

// The kinds of empty map: what it does with I/O, and what is on it.
const (
	healthyMap       = iota
	emptyFails       // fails I/O
	emptyQueues      // queues it
	emptyFailsParts  // with a partition
	emptyQueuesParts //
	emptyFailsDirty  // written to when it was empty
	emptyQueuesDirty // likewise, and the writer waits
	emptyKinds
)

func queuesWhenEmpty(kind int) bool {
	return kind == emptyQueues || kind == emptyQueuesParts || kind == emptyQueuesDirty
}

func testEmpties(t *testing.T, backend string, alone bool) {
	d := guest.ScsiDebug(t, 2, emptyKinds)
	c := guest.Conf{FriendlyNames: true, Defaults: []string{"queue_without_daemon yes"}, Extra: []string{"multipaths {"}}
	for kind := range emptyKinds {
		if queuesWhenEmpty(kind) {
			c.Extra = append(c.Extra, fmt.Sprintf("multipath {\nwwid %s\nno_path_retry queue\n}", guest.UdevWWID(t, d.Disks(t, kind)[0])))
		}
	}
	c.Extra = append(c.Extra, "}")
	daemon := guest.StartMultipathd(t, c)
	guest.WaitMaps(t, emptyKinds, 2)
	var maps []guest.Map
	for kind := range emptyKinds {
		maps = append(maps, d.Map(t, kind))
	}
	guest.Partition(t, maps[emptyFailsParts]) // and so every one has it: scsi_debug's LUs are one piece of memory
	guest.Run(t, "kpartx", "-a", maps[emptyQueuesParts].Dev())
	canary := guest.StartCanary(t, maps[healthyMap].Dev())
	if alone {
		daemon.Stop(t)
	}
	deleteByHand(t, daemon, alone, maps[emptyFails:])
	dirty(t, maps[emptyFailsDirty]).Wait(t, 20*time.Second)
	writer := dirty(t, maps[emptyQueuesDirty])
	if alone {
		defer guest.Hide(t, "multipath", "multipathd")()
	}

	s := newSweeper(t, remediate.WithBackend(backend), remediate.WithMaxDead(1))
	sv := survey(t, s)
	if want := map[string]string{"auto": "dm"}[backend]; want != "" && sv.Backend != want {
		t.Errorf("%s is spoken to by %s", backend, sv.Backend)
	}
	var wwids []string
	for kind := emptyFails; kind < emptyKinds; kind++ {
		want := remediate.EmptyMap
		if kind == emptyQueuesDirty {
			want = remediate.StaleInUse
		} else {
			wwids = append(wwids, maps[kind].WWID)
		}
		dev := verdict(t, sv, maps[kind].WWID, want)
		if dev.Map.Queueing != queuesWhenEmpty(kind) || len(dev.Paths) != 0 {
			t.Errorf("%s: queueing %v, paths %v", dev.Map.Name, dev.Map.Queueing, dev.Paths)
		}
	}
	execute(t, s, plan(t, s, wwids...), remediate.Removed)

	// Somebody must give up for the writer what it has written.
	guest.Run(t, "dmsetup", "message", maps[emptyQueuesDirty].Name, "0", "fail_if_no_path")
	writer.Wait(t, 10*time.Second)
	execute(t, s, plan(t, s, maps[emptyQueuesDirty].WWID), remediate.Removed)

	if left := guest.DmsetupLs(t); !slices.Equal(withoutPartitions(left), []string{maps[healthyMap].Name}) {
		t.Errorf("dmsetup ls still shows %v", left)
	}
	for name, to := range guest.ByID() {
		for _, m := range maps[emptyFails:] {
			if strings.Contains(name, m.WWID) || to == m.DM {
				t.Errorf("/dev/disk/by-id still has %s -> %s", name, to)
			}
		}
	}
	expectThere(t, maps[healthyMap], 2)
	canary.Check(t, 2*time.Second)
	expectNotStuck(t)
}

// withoutPartitions leaves out the partition maps of the healthy map, which
// udev may have made.
func withoutPartitions(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.Contains(n, "part") })
}

// deleteByHand deletes the disks under the maps, which multipathd is kept from
// removing with their last path by a reader each, for as long as it takes to
// hear of it.
func deleteByHand(t *testing.T, daemon *guest.Multipathd, alone bool, maps []guest.Map) {
	t.Helper()
	if !alone {
		daemon.Freeze(t)
	}
	var release []func()
	var disks []string
	for _, m := range maps {
		release = append(release, guest.Hold(t, m.Dev(), false))
		disks = append(disks, m.Paths...)
	}
	for _, disk := range disks {
		guest.Write(t, "/sys/block/"+disk+"/device/delete", "1")
	}
	if !alone {
		daemon.Thaw(t)
		waitForgotten(t, disks)
		time.Sleep(time.Second)
	}
	for _, f := range release {
		f()
	}
	guest.Stays(t, "the maps are there, and no disk is", 2*time.Second, func() error {
		for _, m := range maps {
			if guest.OpenCount(t, m.Name) < 0 {
				return fmt.Errorf("%s has gone", m.Name)
			}
		}
		for _, disk := range disks {
			if slices.Contains(guest.Ls("/sys/block"), disk) {
				return fmt.Errorf("%s is there", disk)
			}
		}
		return nil
	})
}

// dirty writes to a map by way of the page cache; what cannot be written to the
// LU comes to light when the writer closes the map.
func dirty(t *testing.T, m guest.Map) *background {
	t.Helper()
	return inBackground(t, "dd", "if=/dev/zero", "of="+m.Dev(), "bs=64k", "count=8", "conv=notrunc")
}

// A background is a command that may never end.
type background struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func inBackground(t *testing.T, argv ...string) *background {
	t.Helper()
	b := &background{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = b.cmd.Wait(); close(b.done) }()
	return b
}

// Wait waits for the command's end, whatever it is.
func (b *background) Wait(t *testing.T, limit time.Duration) {
	t.Helper()
	select {
	case <-b.done:
	case <-time.After(limit):
		t.Fatalf("%v has not ended within %s: %s", b.cmd.Args, limit, guest.Process(b.cmd.Process.Pid))
	}
}
