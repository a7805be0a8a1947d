package main

import (
	"context"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/remediate"
)

// A node is the CSI node service. What it needs of the host is behind seams, so
// that its tests run on a simulated one.
type node struct {
	csi.UnimplementedNodeServer

	id        string
	records   *records
	system    remediate.System
	sweeper   *remediate.Sweeper
	initiator initiator
	mounts    mounts

	busy sync.Map // volume id: a call is under way
}

// An initiator brings a target's LUNs to this host.
type initiator interface {
	// Login logs in to every portal that it is not logged in to, and scans for
	// nothing.
	Login(ctx context.Context, target string, portals []string) error
	// Rescan finds the LUNs that are new on all sessions to the target.
	Rescan(ctx context.Context, target string) error
}

// mounts is the host's mount table.
type mounts interface {
	// Source is the device that is mounted at path, "" where none is.
	Source(path string) (string, error)
	// Mount mounts a device, after making a file system on one that holds nothing.
	Mount(ctx context.Context, device, path, fstype string, options []string) error
	// Bind shows what is mounted at from at another path too.
	Bind(ctx context.Context, from, path string, readonly bool) error
	// Unmount is nil where nothing is mounted.
	Unmount(ctx context.Context, path string) error
}

func (n *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.id}, nil
}

func (n *node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	rpc := &csi.NodeServiceCapability_RPC{Type: csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME}
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{
		{Type: &csi.NodeServiceCapability_Rpc{Rpc: rpc}},
	}}, nil
}

// lock keeps two calls for one volume from running at once, as the CSI
// specification asks.
func (n *node) lock(volume string) (unlock func(), err error) {
	if _, taken := n.busy.LoadOrStore(volume, true); taken {
		return nil, status.Errorf(codes.Aborted, "a call for volume %s is under way", volume)
	}
	return func() { n.busy.Delete(volume) }, nil
}

// required is the error for a field of a request that is missing.
func required(fields ...string) error {
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			return status.Errorf(codes.InvalidArgument, "%s is missing", fields[i])
		}
	}
	return nil
}
