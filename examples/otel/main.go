// Command otel shows how lunsweep's work becomes OpenTelemetry spans and metrics:
// it clears a simulated host and prints the trace.
//
// It is an example to copy from: observer.go is all of it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "otel:", err)
		os.Exit(1)
	}
}

// run clears the simulated host and prints each span as it ends, those of an LU's
// steps before that of the LU.
func run(ctx context.Context, w io.Writer) error {
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&printer{w: w}))
	defer func() { _ = tracing.Shutdown(ctx) }() // nothing is left to be sent
	host, err := remediatetest.OpenPreset("residual", "")
	if err != nil {
		return err
	}
	defer host.Close()
	ctx, span := tracing.Tracer("example").Start(ctx, "sweep")
	defer span.End()
	o, err := newObserver(ctx, tracing, metric.NewMeterProvider())
	if err != nil {
		return err
	}
	s, err := remediate.New(remediate.WithSystem(host.System()), remediate.WithDwell(0), remediate.WithOwner(everything), remediate.WithObserver(o.observe))
	if err != nil {
		return err
	}
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	report, err := s.Execute(ctx, plan)
	if err != nil {
		return err
	}
	return report.Err()
}

func everything(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.Mine, Source: "the example"}, nil
}

// A printer exports spans as lines of text.
type printer struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *printer) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range spans {
		line := s.Name()
		for _, a := range s.Attributes() {
			line += fmt.Sprintf(" %s=%s", a.Key, a.Value.Emit())
		}
		if _, err := fmt.Fprintln(p.w, line); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) Shutdown(context.Context) error { return nil }
