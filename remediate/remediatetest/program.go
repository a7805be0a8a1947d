package remediatetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrCrashed is what a program gets to hear once it has crashed. None that lives
// ever does: where it turns up, the simulated death has come, see
// [Host.CrashBefore].
var ErrCrashed = errors.New("the program has crashed")

// A program is one process that works on the host by a [remediate.System] of its
// own, until it crashes.
type program struct {
	*Host
	crash   crash
	changes int // that it has made
	dead    bool
	left    map[string]file // what it had written to /run when it died
}

// A crash is the death of a program at its n-th change; never at 0.
type crash struct {
	n     int
	after bool
}

// CrashBefore kills the program that gets the next [Host.System], right before
// its n-th change of the host, counted from 1 as [Host.Actions] lists them. The
// change does not happen, nor does anything that it orders from then on: every
// call ends with [ErrCrashed]. The kernel lets its locks go when the call that
// it was in has come back, and what it writes to the host's /run in the meantime
// is undone, so that the next System is that of a program that comes after a
// death.
//
//	for n := 1; ; n++ {
//		h := newHost(t)
//		h.CrashBefore(n)
//		clear(h) // dies
//		if !h.Crashed() {
//			break // there are no n changes
//		}
//		clear(h) // and must come to the same end
//		…
//	}
func (h *Host) CrashBefore(n int) { h.set(func() { h.crash, h.last = crash{n: n}, nil }) }

// CrashAfter is [Host.CrashBefore], but the n-th change has happened; the program
// did not live to hear of it.
func (h *Host) CrashAfter(n int) { h.set(func() { h.crash, h.last = crash{n: n, after: true}, nil }) }

// Crashed reports whether the program that was to crash has done so.
func (h *Host) Crashed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last != nil && h.last.dead
}

// start makes a program, which dies if the next one is to.
func (h *Host) start() *program {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last != nil && h.last.dead {
		h.putBack(h.last.left)
		h.last.left = nil
	}
	p := &program{Host: h, crash: h.crash}
	if h.crash.n > 0 {
		h.last, h.crash = p, crash{}
	}
	return p
}

// perform does something on the host for the program, and what follows from the
// actions that it comes to.
func (p *program) perform(do func()) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return ErrCrashed
	}
	since := len(p.log)
	do()
	due, dead := p.due(since), p.dead
	p.changed.Broadcast()
	p.mu.Unlock()
	for _, f := range due {
		f()
	}
	if dead {
		return ErrCrashed
	}
	return nil
}

// act logs an action and does it, unless the program dies before.
func (p *program) act(text string, lu *LU, do func()) {
	p.changes++
	now := p.changes == p.crash.n
	if now && !p.crash.after {
		p.die()
		return
	}
	p.log = append(p.log, action{text, lu})
	do()
	if now {
		p.die()
	}
}

func (p *program) die() {
	p.dead, p.left = true, p.running()
}

// A file is what was in a file.
type file struct {
	mode fs.FileMode
	text []byte
}

// running are the files below the host's /run, by their paths.
func (h *Host) running() map[string]file {
	out := map[string]file{}
	err := filepath.WalkDir(h.path("run"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = file{info.Mode(), text}
		return err
	})
	if err != nil {
		h.fail(err)
	}
	return out
}

// putBack makes the files below the host's /run what they were.
func (h *Host) putBack(left map[string]file) {
	for path := range h.running() {
		if _, was := left[path]; !was {
			h.remove(path)
		}
	}
	for path, f := range left {
		if err := os.WriteFile(path, f.text, f.mode); err != nil {
			h.fail(err)
		}
	}
}
