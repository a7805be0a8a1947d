package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// handler serves /metrics; /readyz, whether ownership can be told; and /healthz,
// whether rounds come to an end.
func (a *agent) handler() http.Handler {
	started := a.now()
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, a.volumes.synced(), "the cluster's volumes have not been read yet")
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		last := started
		if n := a.ended.Load(); n > 0 {
			last = time.Unix(n, 0)
		}
		limit := 3*a.cfg.interval + a.cfg.timeout
		answer(w, a.now().Sub(last) < limit, fmt.Sprintf("no round has ended since %s", last.UTC().Format(time.RFC3339)))
	})
	return mux
}

func answer(w http.ResponseWriter, ok bool, why string) {
	if !ok {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
