package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

const iqn = "iqn.2003-01.org.example:array"

// A fakeArray is an array and its CSI controller, two sessions to it, and the
// initiator and the mount table of a simulated host.
type fakeArray struct {
	csi.UnimplementedControllerServer

	host *remediatetest.Host
	a, b *remediatetest.Target

	mu      sync.Mutex
	volumes map[string]*fakeVolume
	mounted map[string]string // path: kernel name
	disks   int
	maps    int
}

type fakeVolume struct {
	lu  *remediatetest.LU
	lun uint64 // 0 where it is not mapped
}

func newArray(t *testing.T) *fakeArray {
	h := remediatetest.New(t)
	a := &fakeArray{
		host: h, a: h.Session(iqn, 39), b: h.Session(iqn, 40),
		volumes: map[string]*fakeVolume{}, mounted: map[string]string{}, disks: 8, maps: 10,
	}
	h.LU("60014055a0b4e2f6d3c84b1a97f0e2d1", 1<<30, "LIO-ORG", "other").Path("sdb", a.a, 200).Path("sdc", a.b, 200)
	return a
}

// node is the node service on the array's host.
func (a *fakeArray) node(t *testing.T, dir string) *node {
	t.Helper()
	records, err := openRecords(dir)
	if err != nil {
		t.Fatal(err)
	}
	sys := a.host.System()
	sweeper, err := remediate.New(remediate.WithSystem(sys), remediate.WithOwner(records.owner), remediate.WithDwell(0), remediate.WithSilentPaths())
	if err != nil {
		t.Fatal(err)
	}
	return &node{id: "worker-3", records: records, system: sys, sweeper: sweeper, initiator: a, mounts: a}
}

// volume makes a volume that is mapped nowhere.
func (a *fakeArray) volume(id string) *fakeVolume {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.volumes[id]
	if v == nil {
		v = &fakeVolume{lu: a.host.LU(fmt.Sprintf("6001405%025d", len(a.volumes)+1), 1<<30, "LIO-ORG", "vol")}
		a.volumes[id] = v
	}
	return v
}

// context is what the controller tells the node.
func (v *fakeVolume) context() map[string]string {
	return map[string]string{
		"wwid": v.lu.WWID(), "target": iqn, "portals": "10.0.0.1:3260,10.0.0.2:3260", "lun": fmt.Sprint(v.lun),
	}
}

func (a *fakeArray) Login(context.Context, string, []string) error { return nil }

// Rescan finds the mapped volumes that have no disks yet.
func (a *fakeArray) Rescan(context.Context, string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.volumes {
		if v.lun == 0 || len(v.lu.Paths()) > 0 {
			continue
		}
		v.lu.Path(remediatetest.DiskName(a.disks), a.a, v.lun).Path(remediatetest.DiskName(a.disks+1), a.b, v.lun)
		a.host.Map(fmt.Sprintf("mpath%d", a.maps), fmt.Sprintf("dm-%d", a.maps), v.lu, remediatetest.Fail)
		a.disks, a.maps = a.disks+2, a.maps+1
	}
	return nil
}

func (a *fakeArray) Source(path string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if dm := a.mounted[path]; dm != "" {
		return "/dev/" + dm, nil
	}
	return "", nil
}

func (a *fakeArray) Mount(_ context.Context, device, path, _ string, _ []string) error {
	real, err := filepath.EvalSymlinks(filepath.Join(a.host.Tree(), device))
	if err != nil {
		return err
	}
	return a.show(filepath.Base(real), path)
}

func (a *fakeArray) show(dm, path string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mounted[path] == "" {
		a.host.Mount(dm, path)
		a.mounted[path] = dm
	}
	return os.MkdirAll(path, 0o700)
}

func (a *fakeArray) Bind(_ context.Context, from, path string, _ bool) error {
	return a.show(a.mounted[from], path)
}

func (a *fakeArray) Unmount(_ context.Context, path string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	dm := a.mounted[path]
	if dm == "" {
		return nil
	}
	delete(a.mounted, path)
	a.host.Unmount(dm)
	for other, on := range a.mounted {
		if on == dm {
			a.host.Mount(dm, other)
		}
	}
	return nil
}

func (a *fakeArray) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	var out []*csi.ControllerServiceCapability
	for _, c := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
	} {
		out = append(out, &csi.ControllerServiceCapability{Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: c}}})
	}
	return &csi.ControllerGetCapabilitiesResponse{Capabilities: out}, nil
}

func (a *fakeArray) CreateVolume(_ context.Context, req *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	a.volume(req.GetName())
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: req.GetName(), CapacityBytes: 1 << 30}}, nil
}

func (a *fakeArray) DeleteVolume(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	return &csi.DeleteVolumeResponse{}, nil
}

// ControllerPublishVolume maps the volume, to the lowest LUN that is free: LUN
// numbers are used again at once.
func (a *fakeArray) ControllerPublishVolume(_ context.Context, req *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.volumes[req.GetVolumeId()]
	if v == nil {
		return nil, status.Error(codes.NotFound, req.GetVolumeId())
	}
	taken := map[uint64]bool{0: true}
	for _, other := range a.volumes {
		taken[other.lun] = true
	}
	for v.lun == 0 || v.lun > 0 && taken[v.lun] && !a.has(v) {
		v.lun++
	}
	return &csi.ControllerPublishVolumeResponse{PublishContext: v.context()}, nil
}

func (a *fakeArray) has(v *fakeVolume) bool { return len(v.lu.Paths()) > 0 }

func (a *fakeArray) ControllerUnpublishVolume(_ context.Context, req *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v := a.volumes[req.GetVolumeId()]; v != nil {
		a.host.Unmap(v.lu)
		v.lun = 0
	}
	return &csi.ControllerUnpublishVolumeResponse{}, nil
}
