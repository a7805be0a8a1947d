package main

import (
	"context"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// NodeStageVolume attaches a volume and mounts it. The order is the point: the
// record first, so that whatever is left behind is known to be ours; then the
// LUN is cleared of an earlier volume, before the scan that would not look at it
// again; and nothing is mounted that is not proven to be the volume.
func (n *node) NodeStageVolume(ctx context.Context, req *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	v, err := volumeOf(req)
	if err != nil {
		return nil, err
	}
	unlock, err := n.lock(v.ID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := n.stage(ctx, v, req.GetStagingTargetPath(), req.GetVolumeCapability().GetMount()); err != nil {
		return nil, coded(err)
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

func (n *node) stage(ctx context.Context, v volume, path string, how *csi.VolumeCapability_MountVolume) error {
	if err := n.records.put(v); err != nil {
		return err
	}
	switch source, err := n.mounts.Source(path); {
	case err != nil:
		return err
	case source != "": // staged before: by us, or so it seems
		return n.proven(ctx, source, v.WWID)
	}
	if err := n.initiator.Login(ctx, v.Target, v.Portals); err != nil {
		return err
	}
	if _, err := n.sweeper.ClearLUN(ctx, remediate.Address{Target: v.Target, LUN: v.LUN}, v.WWID); err != nil {
		return err
	}
	if err := n.initiator.Rescan(ctx, v.Target); err != nil {
		return err
	}
	device := "/dev/disk/by-id/dm-uuid-mpath-" + v.WWID
	if err := n.proven(ctx, device, v.WWID); err != nil {
		return err
	}
	return n.mounts.Mount(ctx, device, path, how.GetFsType(), how.GetMountFlags())
}

// appearWithin is how long udev and multipathd may take to make a map.
const appearWithin = 30 * time.Second

// proven waits until the device is there and proven: multipathd suspends a map
// for a moment to add a path. That another volume is in its place does not get
// better by waiting.
func (n *node) proven(ctx context.Context, device, wwid string) error {
	notYet := func(err error) bool {
		var e *remediate.IdentityError
		return errors.As(err, &e) && e.Got == ""
	}
	return until(ctx, appearWithin, notYet, func(ctx context.Context) error {
		return n.sweeper.VerifyIdentity(ctx, device, wwid)
	})
}
