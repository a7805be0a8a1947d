package remediatetest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
)

// read is a direct read of the first bytes of a device: open, read, close.
func (p *program) read(path string, buf []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := filepath.Base(path)
	var errno error
	switch d, m := p.disks[name], p.maps[name]; {
	case p.dead:
		return 0, ErrCrashed
	case m != nil:
		errno = p.readMap(m)
	case d != nil && !online(d.state):
		return 0, &fs.PathError{Op: "open", Path: path, Err: syscall.ENXIO}
	case d != nil:
		errno = p.readDisk(d)
	default:
		return 0, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	if errno != nil {
		return 0, &fs.PathError{Op: "read", Path: path, Err: errno}
	}
	return len(buf), nil
}

// readMap sleeps, as the kernel does, while the map is suspended, or queues and
// has no usable path. Who reads has the map open, and other processes see who
// sleeps in a read.
func (h *Host) readMap(m *Map) error {
	m.reading++
	wakeUp := func() {}
	defer func() { m.reading--; wakeUp() }()
	for asleep := false; ; asleep = true {
		if asleep {
			h.changed.Wait()
		}
		if err, done := h.readOnce(m); done {
			return err
		}
		if !asleep {
			wakeUp = h.caught(m.dm)
		}
	}
}

// readOnce reports what comes of a read as things are, and false where nothing
// does yet.
func (h *Host) readOnce(m *Map) (error, bool) {
	switch {
	case h.closed, m.gone:
		return syscall.EIO, true
	case m.suspended, m.hangs:
		return nil, false
	case !m.multipath():
		return nil, true
	}
	if err, done := h.tryPaths(m); done {
		return err, true
	}
	return syscall.EIO, !m.queueing
}

// tryPaths sends the read down one path after the other, and fails those that
// lose it. An error of the target itself is no path's fault.
func (h *Host) tryPaths(m *Map) (error, bool) {
	for _, p := range slices.Clone(m.paths) { // a read may sleep, and find other paths after it
		if p.failed {
			continue
		}
		err := h.readDisk(p.disk)
		if err == nil || errors.Is(err, errTarget) {
			return err, true
		}
		p.failed = true
	}
	return nil, false
}

// readDisk is what comes of a read over one path. One that is blocked keeps it
// until that is decided.
func (h *Host) readDisk(d *disk) error {
	for (d.state == "blocked" || d.hangs) && !h.closed && !d.gone {
		h.changed.Wait()
	}
	l := d.target.luns[d.hctl.LUN]
	switch {
	case h.closed, d.gone, !online(d.state), !d.target.reachable():
		return syscall.EIO
	case l.state == disconnected:
		return errTarget
	case l.state != mapped:
		return syscall.EIO
	}
	return nil
}
