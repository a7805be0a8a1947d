package main

import (
	"context"
	"io/fs"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NodePublishVolume shows the staged volume to a pod.
func (n *node) NodePublishVolume(ctx context.Context, req *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	id, from, path := req.GetVolumeId(), req.GetStagingTargetPath(), req.GetTargetPath()
	if err := required("volume_id", id, "target_path", path); err != nil {
		return nil, err
	}
	if req.GetVolumeCapability().GetMount() == nil {
		return nil, status.Error(codes.InvalidArgument, "volume_capability: only mount volumes are supported")
	}
	unlock, err := n.lock(id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	switch source, err := n.mounts.Source(from); {
	case err != nil:
		return nil, coded(err)
	case source == "":
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not staged at %s", id, from)
	}
	if err := n.mounts.Bind(ctx, from, path, req.GetReadonly()); err != nil {
		return nil, coded(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// NodeUnpublishVolume takes the volume away from a pod.
func (n *node) NodeUnpublishVolume(ctx context.Context, req *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	id, path := req.GetVolumeId(), req.GetTargetPath()
	if err := required("volume_id", id, "target_path", path); err != nil {
		return nil, err
	}
	unlock, err := n.lock(id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := n.mounts.Unmount(ctx, path); err != nil {
		return nil, coded(err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, coded(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}
