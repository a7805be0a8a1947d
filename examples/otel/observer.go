package main

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/lunsweep/lunsweep/remediate"
)

// scope names the instrumentation.
const scope = "github.com/lunsweep/lunsweep"

// An observer turns the library's events into spans, one for each LU and below it
// one for each step, and into two metrics: how long steps took, and what became
// of LUs. A WWID is an attribute of spans alone: of metrics it would make a series
// for each LU.
type observer struct {
	ctx     context.Context // whose span is the parent of every LU's
	tracer  trace.Tracer
	steps   metric.Float64Histogram
	results metric.Int64Counter

	mu   sync.Mutex
	lus  map[string]span // by WWID
	open map[string]span // the step that is at work on a LU, by WWID
}

// A span is one that has begun, with the context for those below it.
type span struct {
	trace.Span
	ctx context.Context
}

// newObserver makes an observer for the work of one context: an Event has none of
// its own.
func newObserver(ctx context.Context, tp trace.TracerProvider, mp metric.MeterProvider) (*observer, error) {
	o := &observer{ctx: ctx, tracer: tp.Tracer(scope), lus: map[string]span{}, open: map[string]span{}}
	meter := mp.Meter(scope)
	var err error
	if o.steps, err = meter.Float64Histogram("lunsweep.step.duration", metric.WithUnit("s"), metric.WithDescription("How long steps took.")); err != nil {
		return nil, err
	}
	o.results, err = meter.Int64Counter("lunsweep.results", metric.WithUnit("{lu}"), metric.WithDescription("What became of LUs that were to be removed."))
	return o, err
}

// observe is what remediate.WithObserver takes. It is called from many goroutines,
// for one LU from one at a time.
func (o *observer) observe(e remediate.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e.Kind {
	case remediate.EventLook, remediate.EventWait:
		trace.SpanFromContext(o.ctx).AddEvent(string(e.Kind), trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("lunsweep.detail", e.Detail)))
	case remediate.EventBegin:
		o.open[e.WWID] = o.start(o.lu(e).ctx, string(e.Action), e, attribute.String("lunsweep.target", e.Target))
	case remediate.EventEnd:
		finish(o.open[e.WWID], e)
		delete(o.open, e.WWID)
		o.steps.Record(o.ctx, e.For.Seconds(), metric.WithAttributes(attribute.String("lunsweep.action", string(e.Action)), outcome(e)))
	case remediate.EventDone:
		finish(o.lu(e), e)
		delete(o.lus, e.WWID)
		o.results.Add(o.ctx, 1, metric.WithAttributes(outcome(e)))
	}
}

// lu is the LU's span, which its first event begins.
func (o *observer) lu(e remediate.Event) span {
	s, begun := o.lus[e.WWID]
	if !begun {
		s = o.start(o.ctx, "clear", e, attribute.String("lunsweep.wwid", e.WWID), attribute.String("lunsweep.plan", e.PlanID))
		o.lus[e.WWID] = s
	}
	return s
}

func (o *observer) start(ctx context.Context, name string, e remediate.Event, attrs ...attribute.KeyValue) span {
	ctx, s := o.tracer.Start(ctx, name, trace.WithTimestamp(e.Time), trace.WithAttributes(attrs...))
	return span{Span: s, ctx: ctx}
}

func finish(s span, e remediate.Event) {
	if s.Span == nil {
		return // its beginning was not seen
	}
	s.SetAttributes(outcome(e))
	if e.Err != nil {
		s.RecordError(e.Err)
		s.SetStatus(codes.Error, e.Error)
	}
	s.End(trace.WithTimestamp(e.Time))
}

func outcome(e remediate.Event) attribute.KeyValue {
	return attribute.String("lunsweep.outcome", e.Outcome)
}
