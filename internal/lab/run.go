package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The times within one scenario's limit, counted back from its end: Go's own
// time-out comes first, which prints every goroutine, then the guest's report
// on itself, then the kill.
const (
	goBefore     = 25 * time.Second
	reportBefore = 18 * time.Second
	minTimeout   = 40 * time.Second

	// powerOff bounds the time from the scenario's end to the guest's.
	powerOff = 20 * time.Second
	// look is how often the guest's files are looked at.
	look = 200 * time.Millisecond
)

// A guestRun is one boot of one distribution for one scenario.
type guestRun struct {
	cache, suite, test string
	cpus               *processors
	dir                string // holds payload/ and the console's log
	timeout            time.Duration
	env                []string  // what the scenario is told by its environment
	say                io.Writer // where the scenario's output is copied to; may be nil
}

func (g *guestRun) payload() string { return filepath.Join(g.dir, "payload") }
func (g *guestRun) console() string { return filepath.Join(g.dir, "console") }

// run boots the guest, waits for its end, ends it where it does not come, and
// collects what it left. An error is the lab's own; nothing was run then.
func (g *guestRun) run(ctx context.Context, bin payload) (evidence, error) {
	if err := g.prepare(bin); err != nil {
		return evidence{}, err
	}
	defer bin.outOf(g.payload())
	console, err := os.Create(g.console())
	if err != nil {
		return evidence{}, err
	}
	defer console.Close()
	cpu, giveBack := g.cpus.take()
	defer giveBack()
	start := time.Now()
	vm, err := boot(spec{
		Kernel:  filepath.Join(g.cache, "kernel"),
		Root:    filepath.Join(g.cache, "guest-"+g.suite),
		Payload: g.payload(),
		CPU:     cpu,
		Args: append([]string{
			"TEST=" + g.test,
			fmt.Sprintf("LIMIT=%.0f", (g.timeout - reportBefore).Seconds()),
			fmt.Sprintf("GOLIMIT=%.0f", (g.timeout - goBefore).Seconds()),
		}, g.env...),
	}, console)
	if err != nil {
		return evidence{}, err
	}
	e := evidence{limit: g.timeout}
	g.watch(ctx, vm, &e)
	e.took = time.Since(start)
	g.collect(&e)
	return e, nil
}

func (g *guestRun) prepare(bin payload) error {
	if err := os.RemoveAll(g.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(g.payload(), 0o755); err != nil {
		return err
	}
	return bin.into(g.payload())
}

// watch waits for the guest's end, copies what the scenario prints meanwhile,
// and kills the guest when its time is up.
func (g *guestRun) watch(ctx context.Context, vm *machine, e *evidence) {
	tail := &tailer{path: filepath.Join(g.payload(), "output"), to: g.say}
	defer tail.copy()
	limit := time.After(g.timeout)
	var off <-chan time.Time
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-vm.ended:
			return
		case <-tick.C:
			tail.copy()
			if off == nil && exists(filepath.Join(g.payload(), "rc")) {
				off = time.After(powerOff)
			}
			continue
		case <-off:
			e.hung = true
		case <-limit:
			e.killed = off == nil
			e.hung = off != nil
		case <-ctx.Done():
			e.stopped = true
		}
		vm.kill()
		return
	}
}

// collect reads the files that the guest wrote.
func (g *guestRun) collect(e *evidence) {
	e.output = text(filepath.Join(g.payload(), "output"))
	e.report = text(filepath.Join(g.payload(), "report"))
	e.stuck = text(filepath.Join(g.payload(), "stuck"))
	e.rc = strings.TrimSpace(text(filepath.Join(g.payload(), "rc")))
	e.console = text(g.console())
}

// text is a file's content, or "" where there is none.
func text(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A tailer copies what a growing file gets.
type tailer struct {
	path string
	to   io.Writer
	at   int64
}

func (t *tailer) copy() {
	if t.to == nil {
		return
	}
	f, err := os.Open(t.path)
	if err != nil {
		return
	}
	defer f.Close()
	n, _ := io.Copy(t.to, io.NewSectionReader(f, t.at, 1<<40))
	t.at += n
}

// A prefixer writes whole lines, each with a prefix.
type prefixer struct {
	to     io.Writer
	prefix string
	rest   string
}

func prefixed(to io.Writer, prefix string) io.Writer { return &prefixer{to: to, prefix: prefix} }

func (p *prefixer) Write(b []byte) (int, error) {
	text := p.rest + string(b)
	var out strings.Builder
	for {
		line, after, ok := strings.Cut(text, "\n")
		if !ok {
			p.rest = text
			break
		}
		out.WriteString(p.prefix + line + "\n")
		text = after
	}
	_, err := io.WriteString(p.to, out.String())
	return len(b), err
}
