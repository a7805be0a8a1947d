package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lunsweep/lunsweep/remediate"
)

// metrics are what a fleet is watched by.
type metrics struct {
	registry *prometheus.Registry
	devices  *prometheus.GaugeVec
	residual *prometheus.GaugeVec
	age      prometheus.Gauge
	hung     prometheus.Gauge
	results  *prometheus.CounterVec
	rounds   *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		devices:  gauges("lunsweep_devices", "LUs of this node by verdict, at the last look.", "verdict"),
		residual: gauges("lunsweep_residual", "1 for each LU that ought to go, at the last look.", "wwid", "volume", "verdict", "removable"),
		age:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "lunsweep_residual_oldest_seconds", Help: "For how long the oldest residual LU has been seen."}),
		hung:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "lunsweep_stuck_calls", Help: "Calls that the kernel, multipathd or an owner has not let return."}),
		results:  counters("lunsweep_results_total", "What became of LUs that were to be removed.", "outcome"),
		rounds:   counters("lunsweep_rounds_total", "Rounds by result: ok, breaker, error.", "result"),
	}
	m.registry.MustRegister(m.devices, m.residual, m.age, m.hung, m.results, m.rounds)
	return m
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// survey shows a look at the node in place of the one before.
func (m *metrics) survey(s *remediate.Survey, volume func(wwid string) string, oldest time.Duration) {
	m.devices.Reset()
	m.residual.Reset()
	for _, d := range s.Devices {
		m.devices.WithLabelValues(d.Verdict.String()).Inc()
		if d.Verdict.Residual() {
			m.residual.WithLabelValues(d.WWID, volume(d.WWID), d.Verdict.String(), yesNo(d.Removable)).Set(1)
		}
	}
	m.age.Set(oldest.Seconds())
}

func (m *metrics) result(r remediate.Result) { m.results.WithLabelValues(string(r.Outcome)).Inc() }
func (m *metrics) round(result string)       { m.rounds.WithLabelValues(result).Inc() }
func (m *metrics) stuck(n int)               { m.hung.Set(float64(n)) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
