package remediatetest

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"github.com/lunsweep/lunsweep/multipath"
)

// run stands for starting a program of the host: multipath or multipathd.
func (p *program) run(ctx context.Context, argv ...string) (multipath.RunResult, error) {
	if err := ctx.Err(); err != nil {
		return multipath.RunResult{}, err
	}
	var res multipath.RunResult
	var err error
	crashed := p.perform(func() {
		switch argv[0] {
		case "multipathd":
			res = p.multipathd(words(argv[1:]))
		case "multipath":
			res = p.multipath(argv[1:])
		default:
			err = &fs.PathError{Op: "find", Path: argv[0], Err: fs.ErrNotExist}
		}
	})
	if crashed != nil {
		return multipath.RunResult{}, crashed
	}
	return res, err
}

// words takes an order apart that multipathd got as one argument: words, or
// texts in quotes.
func words(args []string) []string {
	if len(args) != 1 || !strings.HasPrefix(args[0], "-k") {
		return args
	}
	var out []string
	for i, part := range strings.Split(args[0][2:], `"`) {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// multipathd is the daemon's answer, as the program of that name prints it.
func (p *program) multipathd(order []string) multipath.RunResult {
	if !p.daemon.running {
		return failed("ux_socket_connect: Connection refused\n")
	}
	if slices.Equal(order, []string{"show", "daemon"}) {
		return said("pid 1 running\n") // without a lock
	}
	if p.daemon.busy {
		return refused("fail\ntimeout\n")
	}
	switch order := strings.Join(order, " "); {
	case order == "show topology":
		return said(or(p.topology(), "ok\n"))
	case strings.HasPrefix(order, "show paths raw format "):
		return said(or(p.showPaths(strings.TrimPrefix(order, "show paths raw format ")), "ok\n"))
	case strings.HasPrefix(order, "del path "):
		return p.delPath(order, strings.TrimPrefix(order, "del path "))
	}
	if len(order) == 3 && order[1] == "map" {
		return p.orderMap(order[0], order[2])
	}
	return p.unknown("multipathd " + strings.Join(order, " "))
}

// orderMap is an order about one map.
func (p *program) orderMap(verb, name string) multipath.RunResult {
	m := p.named(name)
	if m == nil || !m.multipath() {
		return refused("fail\ndevice not found\n")
	}
	switch verb {
	case "disablequeueing":
		p.act("multipathd disablequeueing map "+name, m.lu, func() {
			m.held = true
			p.queue(m, false)
		})
	case "restorequeueing":
		p.act("multipathd restorequeueing map "+name, m.lu, func() {
			m.held = false
			p.queue(m, m.retry == Queue)
		})
	default:
		return p.unknown("multipathd " + verb + " map " + name)
	}
	return said("ok\n")
}

// delPath makes the daemon forget a path, and its map with it.
func (p *program) delPath(order, dev string) multipath.RunResult {
	at := slices.IndexFunc(p.daemon.entries, func(e *entry) bool { return e.disk.name == dev })
	if at < 0 {
		return refused("fail\ndevice not found\n")
	}
	d := p.daemon.entries[at].disk
	p.act("multipathd "+order, d.cached, func() {
		p.daemon.entries = slices.Delete(p.daemon.entries, at, at+1)
		for _, m := range p.mapsOf(d) {
			p.dropPath(m, d)
			p.udev()
		}
	})
	return said("ok\n")
}

// multipath is what the program of that name does and prints.
func (p *program) multipath(args []string) multipath.RunResult {
	switch {
	case slices.Equal(args, []string{"-v2", "-ll"}):
		return said(p.topology())
	case len(args) == 3 && args[0] == "-v2" && args[1] == "-f":
		return p.multipathF(args[2])
	}
	return p.unknown("multipath " + strings.Join(args, " "))
}

// multipathF is multipath -f of 0.9.8 and later.
func (p *program) multipathF(name string) multipath.RunResult {
	m := p.named(name)
	if m == nil || !m.multipath() {
		return failed("3600.250917 | '" + name + "' is not a valid argument\n")
	}
	action := "multipath -f " + name
	switch {
	case m.leaveSuspended:
		p.act(action+": left suspended", m.lu, func() {
			m.leaveSuspended = false
			p.suspend(m, true)
		})
		return failed("3600.250917 | " + name + ": failed to remove map\n")
	case m.busy > 0 || !p.flushable(m):
		p.act(action+": map in use", m.lu, func() { m.busy = max(m.busy-1, 0) })
		return failed("3600.250917 | " + name + ": map in use\n")
	}
	p.act(action, m.lu, func() { p.flush(m) })
	return said("")
}

// unknown is an order that no part of this module should give.
func (p *program) unknown(order string) multipath.RunResult {
	p.act(order+": not simulated", nil, func() {})
	p.failf("order that is not simulated: " + order)
	return failed("not simulated\n")
}

func said(out string) multipath.RunResult { return multipath.RunResult{Stdout: []byte(out)} }

func refused(out string) multipath.RunResult {
	return multipath.RunResult{Stdout: []byte(out), Code: 1}
}

func failed(text string) multipath.RunResult {
	return multipath.RunResult{Stderr: []byte(text), Code: 1}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
