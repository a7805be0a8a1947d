package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A bench is a simulated host, swept under the observer.
type bench struct {
	spans   *tracetest.InMemoryExporter
	metrics *metric.ManualReader
}

// swept plans on the host that prepare has staged, lets meanwhile happen, and
// executes.
func swept(t *testing.T, meanwhile func(*remediatetest.Host)) bench {
	t.Helper()
	b := bench{spans: tracetest.NewInMemoryExporter(), metrics: metric.NewManualReader()}
	h := remediatetest.New(t)
	h.Stage("residual")
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans))
	ctx, root := tp.Tracer("test").Start(t.Context(), "sweep")
	o, err := newObserver(ctx, tp, metric.NewMeterProvider(metric.WithReader(b.metrics)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithDwell(0), remediate.WithOwner(everything), remediate.WithObserver(o.observe))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan(ctx)
	if err != nil {
		t.Fatal(err)
	}
	meanwhile(h)
	if _, err := s.Execute(ctx, plan); err != nil {
		t.Fatal(err)
	}
	root.End()
	if len(o.lus) > 0 || len(o.open) > 0 {
		t.Errorf("left open: %v, %v", o.lus, o.open)
	}
	return b
}

// named finds the spans of a name.
func (b bench) named(name string) (out tracetest.SpanStubs) {
	for _, s := range b.spans.GetSpans() {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

// sum adds up a metric's points with this outcome.
func (b bench) sum(t *testing.T, name, outcome string) (n uint64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := b.metrics.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	is := func(set attribute.Set) bool { v, _ := set.Value("lunsweep.outcome"); return v.AsString() == outcome }
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				if m.Name == name && is(p.Attributes) {
					n += uint64(p.Value)
				}
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				if m.Name == name && is(p.Attributes) {
					n += p.Count
				}
			}
		}
	}
	return n
}

func value(s tracetest.SpanStub, key attribute.Key) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.AsString()
		}
	}
	return ""
}

// An LU's span lies below the caller's, and its steps' spans below it.
func TestSpans(t *testing.T) {
	b := swept(t, func(*remediatetest.Host) {})
	lus, roots := b.named("clear"), b.named("sweep")
	if len(lus) != 1 || len(roots) != 1 || lus[0].Parent.SpanID() != roots[0].SpanContext.SpanID() {
		t.Fatalf("spans of LUs: %v", lus)
	}
	if w, o := value(lus[0], "lunsweep.wwid"), value(lus[0], "lunsweep.outcome"); w != remediatetest.WWIDb || o != string(remediate.Removed) {
		t.Errorf("%s was %s", w, o)
	}
	if len(roots[0].Events) == 0 {
		t.Error("the looks are not noted")
	}
	steps := append(b.named(string(remediate.FlushMap)), b.named(string(remediate.DeletePath))...)
	if len(steps) != 3 {
		t.Errorf("%d spans for one flush and two deletes", len(steps))
	}
	for _, s := range steps {
		if s.Parent.SpanID() != lus[0].SpanContext.SpanID() || value(s, "lunsweep.target") == "" {
			t.Errorf("%s lies below %s, its target is %q", s.Name, s.Parent.SpanID(), value(s, "lunsweep.target"))
		}
	}
	if n := b.sum(t, "lunsweep.results", string(remediate.Removed)); n != 1 {
		t.Errorf("%d LUs counted as removed", n)
	}
	if n := b.sum(t, "lunsweep.step.duration", "done"); n < 3 {
		t.Errorf("%d steps counted", n)
	}
}

// What is refused has a span, too, that says why; no step of it has one.
func TestRefused(t *testing.T) {
	b := swept(t, func(h *remediatetest.Host) { h.Mount("dm-12", "/data") })
	lus := b.named("clear")
	if len(lus) != 1 || lus[0].Status.Code != codes.Error || !strings.Contains(lus[0].Status.Description, "/data") {
		t.Fatalf("spans of LUs: %+v", lus)
	}
	if steps := b.named(string(remediate.FlushMap)); len(steps) > 0 {
		t.Errorf("steps: %v", steps)
	}
	if n := b.sum(t, "lunsweep.results", string(remediate.Refused)); n != 1 {
		t.Errorf("%d LUs counted as refused", n)
	}
}

// The example prints the trace.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flush-map lunsweep.target=mpathb", "delete-path lunsweep.target=sdi", "clear lunsweep.wwid=", "sweep\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
