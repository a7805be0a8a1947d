//go:build lab && linux

package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// A csinode is the example's node service, running in the guest.
type csinode struct {
	g   *guest.Target
	cmd *exec.Cmd
}

const csiSocket = "unix:///run/csinode.sock"

func startCSINode(t *testing.T, g *guest.Target) *csinode {
	t.Helper()
	if _, err := os.Stat("/payload/csinode"); err != nil {
		t.Fatal("the payload has no csinode: examples/csinode could not be built")
	}
	n := &csinode{g: g}
	n.start(t)
	return n
}

func (n *csinode) start(t *testing.T) {
	t.Helper()
	n.cmd = guest.Start(t, "csinode.log", "/payload/csinode", "-endpoint", csiSocket, "-node-id", "lab", "-records", "/var/lib/csinode", "-dwell", "1s")
	if said, err := n.call("NodeGetInfo", map[string]any{}); err != nil || !strings.Contains(said, "lab") {
		t.Fatalf("NodeGetInfo: %s, %v", said, err)
	}
}

// kill ends the service without any warning.
func (n *csinode) kill(t *testing.T) {
	t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// call makes one call by the example's own client; the error holds what it said.
func (n *csinode) call(method string, request map[string]any) (string, error) {
	b, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	return guest.TryFor(90*time.Second, "/payload/csinode", "-endpoint", csiSocket, "call", method, string(b))
}

func (n *csinode) stage(id string, lun int, b guest.Backstore) error {
	_, err := n.call("NodeStageVolume", map[string]any{
		"volumeId": id, "stagingTargetPath": staging(id),
		"volumeCapability": map[string]any{"mount": map[string]any{"fsType": "ext4"}, "accessMode": map[string]any{"mode": "SINGLE_NODE_WRITER"}},
		"publishContext": map[string]string{
			"wwid": b.WWID(), "target": n.g.IQN, "portals": strings.Join(n.g.Portals, ":3260,") + ":3260", "lun": fmt.Sprint(lun),
		},
	})
	return err
}

func (n *csinode) unstage(id string) error {
	_, err := n.call("NodeUnstageVolume", map[string]any{"volumeId": id, "stagingTargetPath": staging(id)})
	return err
}

// volume is the map of LUN 1 and its disks, when multipathd has both of them: a
// volume is staged as soon as one path is in the map.
func (n *csinode) volume(t *testing.T) (guest.Map, []string) {
	t.Helper()
	guest.WaitMaps(t, 2, 2)
	disks := n.g.Disks(t, 1)
	return guest.MapOf(t, disks[0]), disks
}

func staging(id string) string { return "/tmp/staging-" + id }

// The example stages and unstages real volumes: mapped, unmapped in between, at
// a LUN that an earlier volume has left behind, and killed in between.
func TestCSINode(t *testing.T) {
	g := guest.NewTarget(t, "array")
	first, second := guest.NewBackstore(t, "first", 64, "ab01"), guest.NewBackstore(t, "second", 64, "ab02")
	other := guest.NewBackstore(t, "other", 16, "cd01")
	g.Map(t, 0, other)
	g.Map(t, 1, first)
	guest.StartInitiator(t, guest.Patience{}, false)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	trace := guest.Traced(t, "csinode")
	n := startCSINode(t, g)
	fatal := func(what string, err error) {
		t.Helper()
		if err != nil {
			log, _ := os.ReadFile("/payload/csinode.log")
			t.Fatalf("%s: %v\n%s", what, err, log)
		}
	}

	fatal("stage", n.stage("v1", 1, first))
	fatal("stage again", n.stage("v1", 1, first))
	m, disks := n.volume(t)
	if !strings.Contains(guest.Findmnt(t), staging("v1")+" "+m.Dev()) {
		t.Fatalf("%s is not mounted:\n%s", m.Dev(), guest.Findmnt(t))
	}
	fatal("write", os.WriteFile(staging("v1")+"/data", []byte("first"), 0o600))
	guest.Run(t, "sync", "-f", staging("v1")+"/data")
	fatal("unstage what is mapped", n.unstage("v1"))
	fatal("unstage again", n.unstage("v1"))
	expectGone(t, m, disks...)

	fatal("stage once more", n.stage("v1", 1, first))
	if b, err := os.ReadFile(staging("v1") + "/data"); err != nil || string(b) != "first" {
		t.Fatalf("the volume holds %q, %v", b, err)
	}
	m, disks = n.volume(t)
	g.Unmap(t, 1)
	guest.WaitFailed(t, m)
	fatal("unstage what is unmapped", n.unstage("v1"))
	expectGone(t, m, disks...)

	g.Map(t, 1, first)
	fatal("stage the first", n.stage("v1", 1, first))
	m, _ = n.volume(t)
	g.Unmap(t, 1)
	guest.WaitFailed(t, m)
	if err := n.stage("v2", 1, second); err == nil || !strings.Contains(err.Error(), "FailedPrecondition") {
		t.Errorf("what the first volume left is still mounted: %v", err)
	}
	guest.Umount(t, staging("v1")) // and only then the array gives the LUN away: a mounted file system would go on writing
	g.Map(t, 1, second)
	fatal("stage the second where the first was", n.stage("v2", 1, second))
	if names, _ := filepath.Glob(staging("v2") + "/data"); len(names) > 0 {
		t.Errorf("the second volume shows the first one's data")
	}
	if m, disks = n.volume(t); m.WWID != second.WWID() {
		t.Errorf("LUN 1 is %s, not %s", m.WWID, second.WWID())
	}
	fatal("unstage the first, of which nothing is left", n.unstage("v1"))

	guest.Umount(t, staging("v2"))
	n.kill(t)
	g.Unmap(t, 1)
	guest.WaitFailed(t, m)
	n.start(t)
	expectGone(t, m, disks...)
	fatal("unstage the second, which was swept at the start", n.unstage("v2"))

	if left, err := os.ReadDir("/var/lib/csinode"); err != nil || len(left) > 0 {
		t.Errorf("records are left: %v, %v", left, errors.Join(err))
	}
	if len(guest.Maps()) != 1 || g.Disks(t, 0) == nil {
		t.Errorf("the volume that is nobody's: %v", guest.Maps())
	}
	trace().CheckSpared(t, guest.MapOf(t, g.Disks(t, 0)[0]))
	expectNotStuck(t)
}
