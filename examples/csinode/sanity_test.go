package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"
)

// csi-sanity's tests of the node and identity services pass, on a simulated host
// with a simulated array behind it.
func TestSanity(t *testing.T) {
	a := newArray(t)
	n := a.node(t, t.TempDir())
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	csi.RegisterIdentityServer(s, withController{})
	csi.RegisterNodeServer(s, n)
	csi.RegisterControllerServer(s, a)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)

	c := sanity.NewTestConfig()
	c.Address = "unix://" + socket
	c.TargetPath, c.StagingPath = filepath.Join(dir, "target"), filepath.Join(dir, "staging")
	c.TestVolumeSize = 1 << 30
	sc := sanity.GinkgoTest(&c)
	defer sc.Finalize()
	passed := 0
	ginkgo.ReportAfterEach(func(r ginkgo.SpecReport) {
		if r.State.String() == "passed" {
			passed++
		}
	})
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.FocusStrings = []string{"Node Service", "Identity Service"}
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "csi-sanity", suite, reporter)
	if passed < 15 {
		t.Errorf("only %d specs ran", passed)
	}
	sv, err := n.sweeper.Survey(t.Context())
	if err != nil || len(sv.Residual()) > 0 {
		t.Errorf("left behind: %v, %v", sv.Residual(), err)
	}
}

// withController says that there is a controller service too: the array's.
type withController struct{ identity }

func (withController) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	service := &csi.PluginCapability_Service{Type: csi.PluginCapability_Service_CONTROLLER_SERVICE}
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{{Type: &csi.PluginCapability_Service_{Service: service}}}}, nil
}
