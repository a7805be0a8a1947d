package main

import (
	"context"
	"net"
	"os"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/pkg/errors"
	"google.golang.org/grpc"
)

// identity says who the driver is.
type identity struct {
	csi.UnimplementedIdentityServer
}

func (identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: "csinode.lunsweep.example", VendorVersion: "0.1.0"}, nil
}

func (identity) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

func (identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

// serve answers on a unix socket until ctx ends.
func serve(ctx context.Context, endpoint string, n *node) error {
	path, ok := strings.CutPrefix(endpoint, "unix://")
	if !ok {
		return errors.Errorf("endpoint %q is no unix:// address", endpoint)
	}
	_ = os.Remove(path) // of a process before, which may not have lived to do it
	l, err := net.Listen("unix", path)
	if err != nil {
		return errors.WithStack(err)
	}
	s := grpc.NewServer()
	csi.RegisterIdentityServer(s, identity{})
	csi.RegisterNodeServer(s, n)
	defer context.AfterFunc(ctx, s.GracefulStop)()
	return errors.WithStack(s.Serve(l))
}
