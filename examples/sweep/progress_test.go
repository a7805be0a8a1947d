package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lunsweep/lunsweep/remediate"
)

// began is when the events of these tests begin.
func began() time.Time { return time.Date(2026, 3, 1, 6, 51, 12, 0, time.UTC) }

func flush(kind remediate.EventKind, after time.Duration) remediate.Event {
	return remediate.Event{Kind: kind, Time: began().Add(after), WWID: "3600a", Action: remediate.FlushMap, Target: "mpathb"}
}

func TestProgressInPlainLines(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, open: map[string]*waiting{}}
	s.event(remediate.Event{Kind: remediate.EventLook, Time: began()})
	s.event(flush(remediate.EventBegin, 0))
	s.refresh(began().Add(4 * time.Second))
	s.refresh(began().Add(6 * time.Second))
	s.refresh(began().Add(8 * time.Second))
	end := flush(remediate.EventEnd, 9*time.Second)
	end.Outcome, end.For, end.Error = "failed", 9*time.Second, "map in use"
	s.event(end)
	s.event(remediate.Event{Kind: remediate.EventDone, Time: end.Time, WWID: "3600a", Outcome: "refused"})
	want := `  still waiting: flush-map mpathb, since 06:51:12 UTC (6s)
  flush-map mpathb: failed in 9s: map in use
  3600a: refused
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("plain lines (-want +got):\n%s", diff)
	}
}

func TestProgressOnTerminal(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, live: true, open: map[string]*waiting{}}
	s.event(flush(remediate.EventBegin, 0))
	other := flush(remediate.EventBegin, time.Second)
	other.WWID, other.Target = "3600b", "mpathc"
	s.event(other)
	end := flush(remediate.EventEnd, 2*time.Second)
	end.Outcome, end.For = "done", 2*time.Second
	s.event(end)
	s.rest()
	want := "  flush-map mpathb, since 06:51:12 UTC (0s)" +
		"\r\x1b[K  flush-map mpathb, since 06:51:12 UTC (1s), and 1 more" +
		"\r\x1b[K  flush-map mpathb: done in 2s\n" +
		"  flush-map mpathc, since 06:51:13 UTC (1s)" +
		"\r\x1b[K"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%q", diff)
	}
}

func TestProgressNeverBlocks(t *testing.T) {
	held := make(chan struct{})
	p := newProgress(writer(func([]byte) { <-held }))
	for range 1000 {
		p.observe(flush(remediate.EventEnd, 0))
	}
	close(held)
	p.stop()
	p.stop()
}

func TestProgressWritesAllBeforeItStops(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	for range 100 {
		p.observe(flush(remediate.EventEnd, 0))
	}
	p.stop()
	if got := strings.Count(out.String(), "\n"); got != 100 {
		t.Errorf("%d lines were written, want 100", got)
	}
}

// writer calls itself with what is written.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }
