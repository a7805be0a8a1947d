package main

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// NodeUnstageVolume unmounts a volume and takes its devices off this host,
// whether the array has unmapped it meanwhile or not. Called again, it finds
// nothing to do.
func (n *node) NodeUnstageVolume(ctx context.Context, req *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	id, path := req.GetVolumeId(), req.GetStagingTargetPath()
	if err := required("volume_id", id, "staging_target_path", path); err != nil {
		return nil, err
	}
	unlock, err := n.lock(id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := n.unstage(ctx, id, path); err != nil {
		return nil, coded(err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}

func (n *node) unstage(ctx context.Context, id, path string) error {
	if err := n.mounts.Unmount(ctx, path); err != nil {
		return err
	}
	v, found, err := n.records.get(id)
	if err != nil || !found { // without a record, nothing of it was ever attached here
		return err
	}
	if _, err := n.sweeper.Clear(ctx, v.WWID); alive(err) {
		err = n.detach(ctx, v)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return n.records.remove(id)
}

// alive reports whether a volume stays because it is well: the array has not
// unmapped it yet. Then it is not lunsweep's, but ours to detach.
func alive(err error) bool {
	var e *remediate.EvidenceError
	return errors.As(err, &e) && (e.Verdict == remediate.Healthy || e.Verdict == remediate.Degraded)
}
