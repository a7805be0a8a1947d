package main

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// A config is what the flags say. Without any the agent looks and changes
// nothing.
type config struct {
	node       string
	driver     string // the CSI driver's name, as in PersistentVolumes
	wwidKey    string // where the driver keeps a volume's WWID
	root       string
	kubeconfig string
	listen     string
	interval   time.Duration
	dwell      time.Duration
	timeout    time.Duration
	maxDead    float64
	apply      bool
	attest     bool
	condition  bool
}

func parseFlags(args []string, out io.Writer) (config, error) {
	var c config
	fs := flag.NewFlagSet("nodeagent", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&c.node, "node", os.Getenv("NODE_NAME"), "this node's `name` (default $NODE_NAME)")
	fs.StringVar(&c.driver, "driver", "", "`name` of the CSI driver whose volumes are ours")
	fs.StringVar(&c.wwidKey, "wwid-key", "wwid", "`key` of a volume's WWID in its PersistentVolume's volumeAttributes, or in a VolumeAttachment's attachmentMetadata")
	fs.StringVar(&c.root, "root", "/host", "`directory` where the host's /sys, /proc, /dev and /run are mounted")
	fs.StringVar(&c.kubeconfig, "kubeconfig", "", "`file` to reach the API server by, outside a pod")
	fs.StringVar(&c.listen, "listen", ":9808", "`address` of /metrics, /healthz and /readyz")
	fs.DurationVar(&c.interval, "interval", 5*time.Minute, "time between two rounds, give or take a fifth")
	fs.DurationVar(&c.dwell, "dwell", 30*time.Second, "how long evidence must hold before anything is removed")
	fs.DurationVar(&c.timeout, "timeout", 4*time.Minute, "time limit of one round")
	fs.Float64Var(&c.maxDead, "max-dead", 0.5, "circuit breaker: do nothing when more than this `share` of the maps, of the iSCSI and FC LUs, or of all LUs looks dead at once")
	fs.BoolVar(&c.apply, "apply", false, "remove what is dead, unused and ours (otherwise only report it)")
	fs.BoolVar(&c.attest, "attest-detached", false, "take a volume of ours without a VolumeAttachment to this node as detached from it, which is proof of death together with failed paths and a failed read")
	fs.BoolVar(&c.condition, "condition", true, "write the node condition "+conditionType)
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	switch {
	case fs.NArg() > 0:
		return c, errors.New("what is " + fs.Arg(0) + "?")
	case c.node == "":
		return c, errors.New("say which node this is: -node, or NODE_NAME in the environment")
	case c.driver == "":
		return c, errors.New("say whose volumes are ours: -driver")
	case c.interval <= 0 || c.timeout <= 0:
		return c, errors.New("-interval and -timeout must be positive")
	}
	return c, nil
}

// newSweeper is the library's Sweeper with what the flags say.
func newSweeper(c config, owner remediate.Owner, log *slog.Logger, more ...remediate.Option) (*remediate.Sweeper, error) {
	return remediate.New(append([]remediate.Option{
		remediate.WithRoot(c.root),
		remediate.WithOwner(owner),
		remediate.WithDwell(c.dwell),
		remediate.WithMaxDead(c.maxDead),
		remediate.WithObserver(observer(log)),
	}, more...)...)
}

// observer writes every change to the host into the log, before and after it.
func observer(log *slog.Logger) func(remediate.Event) {
	return func(e remediate.Event) {
		if e.Kind != remediate.EventBegin && e.Kind != remediate.EventEnd {
			return
		}
		log.Info(string(e.Kind), "wwid", e.WWID, "action", e.Action, "target", e.Target, "outcome", e.Outcome, "took", e.For, "err", e.Error)
	}
}
