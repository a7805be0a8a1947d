// Command csinode is the node half of a CSI driver for iSCSI volumes, small
// enough to be read in an afternoon: it shows where package remediate belongs in
// a driver. See README.md.
//
//	csinode -endpoint unix:///run/csinode.sock -node-id NODE -records DIR
//	csinode -endpoint unix:///run/csinode.sock call METHOD [JSON]
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/mount-utils"
	"k8s.io/utils/exec"

	"github.com/lunsweep/lunsweep/remediate"
)

type config struct {
	endpoint, nodeID, records, root string
	dwell                           time.Duration
	kubernetes                      bool
}

func main() {
	var c config
	flag.StringVar(&c.endpoint, "endpoint", "unix:///run/csinode.sock", "`address` to serve on, or to call")
	flag.StringVar(&c.nodeID, "node-id", "", "this node's `id` for the controller")
	flag.StringVar(&c.records, "records", "/var/lib/csinode", "`directory` of the driver's own records; it must outlive the process")
	flag.StringVar(&c.root, "root", "/", "`directory` at which the host's file system is mounted")
	flag.DurationVar(&c.dwell, "dwell", 10*time.Second, "how long evidence must hold before anything is removed")
	flag.BoolVar(&c.kubernetes, "kubernetes", false, "run programs, and mount, by Kubernetes' own packages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if flag.Arg(0) == "call" {
		err = call(ctx, os.Stdout, c.endpoint, flag.Arg(1), flag.Arg(2))
	} else {
		err = run(ctx, c)
	}
	if err != nil {
		slog.Error("csinode", "error", err.Error())
		os.Exit(1)
	}
}

// run sweeps what a reboot has left behind, and serves.
func run(ctx context.Context, c config) error {
	n, err := newNode(c)
	if err != nil {
		return err
	}
	n.sweepAtStart(ctx)
	return serve(ctx, c.endpoint, n)
}

// newNode puts the node service on this host.
func newNode(c config) (*node, error) {
	records, err := openRecords(c.records)
	if err != nil {
		return nil, err
	}
	system, err := remediate.OpenSystem(c.root, "auto", 5*time.Second)
	if err != nil {
		return nil, err
	}
	mounts := mounts(hostMounts{run: execute, reader: system.Reader})
	if c.kubernetes {
		system, mounts = kubernetes(system, exec.New(), mount.New(""))
	}
	sweeper, err := remediate.New(
		remediate.WithSystem(system),
		remediate.WithOwner(records.owner),
		remediate.WithDwell(c.dwell),
		remediate.WithSilentPaths(), // one link may be down: that is what multipath is for
		remediate.WithObserver(logged),
	)
	if err != nil {
		return nil, err
	}
	return &node{
		id: c.nodeID, records: records, system: system, sweeper: sweeper,
		initiator: iscsiadm{run: execute}, mounts: mounts,
	}, nil
}

// logged puts every step that changes the host, and every result, in the log.
func logged(e remediate.Event) {
	if e.Kind == remediate.EventEnd || e.Kind == remediate.EventDone {
		slog.Info("lunsweep", "wwid", e.WWID, "action", e.Action, "target", e.Target, "outcome", e.Outcome, "detail", e.Detail, "error", e.Error)
	}
}
