package remediatetest

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"github.com/lunsweep/lunsweep/multipath"
)

// run stands for starting a program of the host: multipath or multipathd.
func (h *Host) run(ctx context.Context, argv ...string) (multipath.RunResult, error) {
	if err := ctx.Err(); err != nil {
		return multipath.RunResult{}, err
	}
	var res multipath.RunResult
	var err error
	h.perform(func() {
		switch argv[0] {
		case "multipathd":
			res = h.multipathd(words(argv[1:]))
		case "multipath":
			res = h.multipath(argv[1:])
		default:
			err = &fs.PathError{Op: "find", Path: argv[0], Err: fs.ErrNotExist}
		}
	})
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
func (h *Host) multipathd(order []string) multipath.RunResult {
	if !h.daemon.running {
		return failed("ux_socket_connect: Connection refused\n")
	}
	if slices.Equal(order, []string{"show", "daemon"}) {
		return said("pid 1 running\n") // without a lock
	}
	if h.daemon.busy {
		return refused("fail\ntimeout\n")
	}
	switch order := strings.Join(order, " "); {
	case order == "show topology":
		return said(or(h.topology(), "ok\n"))
	case strings.HasPrefix(order, "show paths raw format "):
		return said(or(h.showPaths(strings.TrimPrefix(order, "show paths raw format ")), "ok\n"))
	case strings.HasPrefix(order, "del path "):
		return h.delPath(order, strings.TrimPrefix(order, "del path "))
	}
	if len(order) == 3 && order[1] == "map" {
		return h.orderMap(order[0], order[2])
	}
	return h.unknown("multipathd " + strings.Join(order, " "))
}

// orderMap is an order about one map.
func (h *Host) orderMap(verb, name string) multipath.RunResult {
	m := h.named(name)
	if m == nil || !m.multipath() {
		return refused("fail\ndevice not found\n")
	}
	switch verb {
	case "disablequeueing":
		h.act("multipathd disablequeueing map " + name)
		m.held = true
		h.queue(m, false)
	case "restorequeueing":
		h.act("multipathd restorequeueing map " + name)
		m.held = false
		h.queue(m, m.retry == Queue)
	default:
		return h.unknown("multipathd " + verb + " map " + name)
	}
	return said("ok\n")
}

// delPath makes the daemon forget a path, and its map with it.
func (h *Host) delPath(order, dev string) multipath.RunResult {
	at := slices.IndexFunc(h.daemon.entries, func(e *entry) bool { return e.disk.name == dev })
	if at < 0 {
		return refused("fail\ndevice not found\n")
	}
	h.act("multipathd " + order)
	d := h.daemon.entries[at].disk
	h.daemon.entries = slices.Delete(h.daemon.entries, at, at+1)
	if m := h.mapOf(d); m != nil {
		h.dropSlave(m, d.name)
		m.paths = slices.DeleteFunc(m.paths, func(p *mapPath) bool { return p.disk == d })
		h.udev()
	}
	return said("ok\n")
}

// multipath is what the program of that name does and prints.
func (h *Host) multipath(args []string) multipath.RunResult {
	switch {
	case slices.Equal(args, []string{"-v2", "-ll"}):
		return said(h.topology())
	case len(args) == 3 && args[0] == "-v2" && args[1] == "-f":
		return h.multipathF(args[2])
	}
	return h.unknown("multipath " + strings.Join(args, " "))
}

// multipathF is multipath -f of 0.9.8 and later.
func (h *Host) multipathF(name string) multipath.RunResult {
	m := h.named(name)
	if m == nil || !m.multipath() {
		return failed("3600.250917 | '" + name + "' is not a valid argument\n")
	}
	action := "multipath -f " + name
	switch {
	case m.leaveSuspended:
		m.leaveSuspended = false
		h.act(action + ": left suspended")
		h.suspend(m, true)
		return failed("3600.250917 | " + name + ": failed to remove map\n")
	case m.busy > 0:
		m.busy--
		fallthrough
	case !h.flush(m):
		h.act(action + ": map in use")
		return failed("3600.250917 | " + name + ": map in use\n")
	}
	h.act(action)
	return said("")
}

// unknown is an order that no part of this module should give.
func (h *Host) unknown(order string) multipath.RunResult {
	h.act(order + ": not simulated")
	h.failf("order that is not simulated: " + order)
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
