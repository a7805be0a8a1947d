// Command nodeagent watches one Kubernetes node for what lost LUNs left behind:
// the multipath maps and SCSI disks of volumes that were unmapped while the node
// was away. It reports them as metrics, Events and a node condition, and removes
// them where it is told to and the cluster's records say whose they were.
//
// It is an example to copy from: see README.md beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	cfg, err := parseFlags(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "nodeagent:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg, slog.New(slog.NewJSONHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "nodeagent:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, cfg config, log *slog.Logger) error {
	client, err := cluster(cfg.kubeconfig)
	if err != nil {
		return err
	}
	vols := watchVolumes(ctx, client, cfg)
	events, closeEvents := newEvents(client, cfg.node)
	defer closeEvents()
	met := newMetrics()
	sweeper, err := newSweeper(cfg, vols.Claim, log)
	if err != nil {
		return err
	}
	a := &agent{
		cfg: cfg, log: log, sweeper: sweeper, volumes: vols, metrics: met, events: events,
		condition: conditionWriter{client: client, node: cfg.node}, now: time.Now,
	}
	server := &http.Server{Addr: cfg.listen, Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the metrics cannot be served", "err", err)
		}
	}()
	a.loop(ctx)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return server.Shutdown(closing)
}

// cluster is the API server that a pod is told of, or the one of a kubeconfig.
func cluster(kubeconfig string) (kubernetes.Interface, error) {
	cfg, err := rest.InClusterConfig()
	if kubeconfig != "" {
		cfg, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, err
	}
	cfg.Timeout = 10 * time.Second // of one request; watches have their own
	cfg.UserAgent = "lunsweep-nodeagent"
	return kubernetes.NewForConfig(cfg)
}
