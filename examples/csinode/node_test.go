package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/remediate"
)

// A driver is the node service on a simulated host, and where it stages.
type driver struct {
	*node
	array   *fakeArray
	staging string
}

func newDriver(t *testing.T) *driver {
	t.Helper()
	a := newArray(t)
	return &driver{node: a.node(t, t.TempDir()), array: a, staging: t.TempDir()}
}

func (d *driver) path(id string) string { return filepath.Join(d.staging, id) }

// stage maps a volume as LUN lun, and stages it.
func (d *driver) stage(t *testing.T, id string, lun uint64) error {
	t.Helper()
	v := d.array.volume(id)
	v.lun = lun
	_, err := d.NodeStageVolume(within(t), &csi.NodeStageVolumeRequest{
		VolumeId: id, StagingTargetPath: d.path(id), PublishContext: v.context(),
		VolumeCapability: &csi.VolumeCapability{AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}}},
	})
	return err
}

func (d *driver) unstage(t *testing.T, id string) error {
	t.Helper()
	_, err := d.NodeUnstageVolume(within(t), &csi.NodeUnstageVolumeRequest{VolumeId: id, StagingTargetPath: d.path(id)})
	return err
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// must is for what has to succeed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%s, want %s: %v", got, want, err)
	}
}

// absent checks that nothing of the volume is left: no disk, and no record.
func (d *driver) absent(t *testing.T, id string) {
	t.Helper()
	if paths := d.array.volume(id).lu.Paths(); len(paths) > 0 {
		t.Errorf("%s still has %v", id, paths)
	}
	if _, found, err := d.records.get(id); found || err != nil {
		t.Errorf("%s still has a record: %v", id, err)
	}
}

// A volume is unstaged while the array maps it, and a second time for nothing.
func TestUnstageWhatIsMapped(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "v1", 1))
	must(t, d.stage(t, "v1", 1))
	must(t, d.unstage(t, "v1"))
	d.absent(t, "v1")
	done := len(d.array.host.Actions())
	must(t, d.unstage(t, "v1"))
	if more := d.array.host.Actions()[done:]; len(more) > 0 {
		t.Errorf("unstaged a second time, it did %v", more)
	}
}

// The array has unmapped the volume before it was unstaged.
func TestUnstageWhatIsLost(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "v1", 1))
	d.array.host.Unmap(d.array.volume("v1").lu)
	must(t, d.unstage(t, "v1"))
	d.absent(t, "v1")
}

// A volume whose file system is still mounted elsewhere stays, and the answer
// says that somebody must do something about it.
func TestUnstageWhatIsInUse(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "v1", 1))
	dm := d.array.mounted[d.path("v1")]
	d.array.host.MountElsewhere(dm, "/mnt", 4711)
	d.array.host.Unmap(d.array.volume("v1").lu)
	d.array.mounted = map[string]string{} // it unmounted its own, as far as it knows
	wantCode(t, d.unstage(t, "v1"), codes.FailedPrecondition)
	if len(d.array.volume("v1").lu.Paths()) != 2 {
		t.Errorf("a volume in use has lost paths")
	}
}

// In an outage nothing is removed, and the CO calls again.
func TestUnstageInAnOutage(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "v1", 1))
	d.array.host.Outage()
	wantCode(t, d.unstage(t, "v1"), codes.Unavailable)
	d.array.host.Recover()
	must(t, d.unstage(t, "v1"))
	d.absent(t, "v1")
}

// An earlier volume was lost without being unstaged, and its LUN given to the
// next: what it left goes, and the new volume is staged as itself.
func TestStageWhereAnotherWas(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "old", 1))
	must(t, d.array.Unmount(t.Context(), d.path("old"))) // a reboot, say
	old, fresh := d.array.volume("old"), d.array.volume("new")
	d.array.host.Remap(old.lu, fresh.lu)
	old.lun = 0
	must(t, d.stage(t, "new", 1))
	if len(old.lu.Paths()) != 0 || len(fresh.lu.Paths()) != 2 {
		t.Errorf("the old volume has %v, the new one %v", old.lu.Paths(), fresh.lu.Paths())
	}
	must(t, d.unstage(t, "old"))
	must(t, d.unstage(t, "new"))
	d.absent(t, "new")
}

// A LUN that another volume still uses is not taken from it.
func TestStageWhereAnotherIs(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "old", 1))
	wantCode(t, d.stage(t, "new", 1), codes.FailedPrecondition)
	if len(d.array.volume("old").lu.Paths()) != 2 {
		t.Errorf("the volume that is there has lost paths")
	}
}

// What was staged is another volume by now: the staged path is not confirmed.
func TestStagedIsAnotherNow(t *testing.T) {
	d := newDriver(t)
	must(t, d.stage(t, "v1", 1))
	d.array.host.Remap(d.array.volume("v1").lu, d.array.volume("v2").lu)
	wantCode(t, d.stage(t, "v1", 1), codes.FailedPrecondition)
}

// What a reboot has left behind goes at the start, if a record says that it is
// ours, and only then.
func TestSweepAtStart(t *testing.T) {
	a := newArray(t)
	dir := t.TempDir()
	d := &driver{node: a.node(t, dir), array: a, staging: t.TempDir()}
	for lun, id := range []string{"ours", "theirs", "well"} {
		must(t, d.stage(t, id, uint64(lun+1)))
		must(t, a.Unmount(t.Context(), d.path(id)))
	}
	must(t, d.records.remove("theirs"))
	a.host.Unmap(a.volume("ours").lu)
	a.host.Unmap(a.volume("theirs").lu)
	again := a.node(t, dir)
	must(t, remade(again, remediate.WithMaxDead(1)))
	again.sweepAtStart(within(t))
	var left []string
	for _, id := range []string{"ours", "theirs", "well"} {
		if len(a.volume(id).lu.Paths()) > 0 {
			left = append(left, id)
		}
	}
	if !slices.Equal(left, []string{"theirs", "well"}) {
		t.Errorf("left are %v", left)
	}
}

// remade gives a node another sweeper.
func remade(n *node, opts ...remediate.Option) (err error) {
	all := []remediate.Option{remediate.WithSystem(n.system), remediate.WithOwner(n.records.owner), remediate.WithDwell(0)}
	n.sweeper, err = remediate.New(append(all, opts...)...)
	return err
}

// One call at a time for one volume.
func TestLock(t *testing.T) {
	d := newDriver(t)
	unlock, err := d.lock("v1")
	must(t, err)
	wantCode(t, d.unstage(t, "v1"), codes.Aborted)
	unlock()
	must(t, d.unstage(t, "v1"))
}
