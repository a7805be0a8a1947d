package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// wwidB is the residual LU of the simulated hosts, wwidA a healthy one that is
// mounted, and wwidNone is nowhere.
const (
	wwidA    = remediatetest.WWIDa
	wwidB    = remediatetest.WWIDb
	wwidNone = "36001405000000000000000000000000f"
)

// A leftover is what a command has left to its caller.
type leftover struct {
	status   int
	out, err string
}

// sweep runs a command line on the host that open opens, nil for those that
// command lines name.
func sweep(ctx context.Context, open opener, stdin string, args ...string) leftover {
	if open == nil {
		open = openHost
	}
	var out, err bytes.Buffer
	status := runOn(ctx, open, args, strings.NewReader(stdin), &out, &err)
	return leftover{status, out.String(), err.String()}
}

// on opens one and the same simulated host each time.
func on(h *remediatetest.Host) opener {
	return func(config) (remediate.System, func(), error) { return h.System(), func() {}, nil }
}

// staged is a simulated host that lasts for the whole test.
func staged(t *testing.T, preset string) *remediatetest.Host {
	t.Helper()
	h := remediatetest.New(t)
	h.Stage(preset)
	return h
}

// locked opens h as somebody who is not root sees it: multipathd and
// device-mapper do not answer.
func locked(h *remediatetest.Host) opener {
	return func(config) (remediate.System, func(), error) {
		sys := h.System()
		sys.Kernel = lockedKernel{sys.Kernel.(*multipath.DeviceMapper)}
		sys.Daemon = lockedDaemon{sys.Daemon.(*multipath.Command)}
		return sys, func() {}, nil
	}
}

type lockedKernel struct{ *multipath.DeviceMapper }

func (lockedKernel) Tables(context.Context) ([]multipath.Table, error) {
	return nil, multipath.ErrPermission
}

type lockedDaemon struct{ *multipath.Command }

func (lockedDaemon) Topology(context.Context) (*multipath.Topology, error) {
	return nil, multipath.ErrPermission
}

func (lockedDaemon) Paths(context.Context) ([]multipath.DaemonPath, error) {
	return nil, multipath.ErrPermission
}
