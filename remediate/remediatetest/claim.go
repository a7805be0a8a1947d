package remediatetest

import (
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
)

// Claim holds a device exclusively from within the kernel, as ZFS, or a file
// system's journal, does: no list shows it, and where there is an open count it
// tells.
func (h *Host) Claim(dev string) {
	h.set(func() {
		h.known(dev)
		h.held, h.claims = append(h.held, dev), append(h.claims, dev)
	})
}

// Unclaim ends [Host.Claim].
func (h *Host) Unclaim(dev string) {
	h.set(func() {
		same := func(d string) bool { return d == dev }
		h.held, h.claims = slices.DeleteFunc(h.held, same), slices.DeleteFunc(h.claims, same)
	})
}

// claim is an exclusive open of a device, and its close: refused where somebody
// else holds it, or a partition of it, so; then where the disk is offline.
func (p *program) claim(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := filepath.Base(path)
	d := p.disks[name]
	names := []string{name}
	if d != nil {
		names = append(names, d.parts...)
	}
	switch {
	case p.dead:
		return ErrCrashed
	case slices.ContainsFunc(names, p.claimed) || d != nil && len(p.mapsOf(d)) > 0:
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EBUSY}
	case d != nil && !online(d.state):
		return &fs.PathError{Op: "open", Path: path, Err: syscall.ENXIO}
	case d == nil && p.maps[name] == nil:
		return &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	return nil
}

func (h *Host) claimed(dev string) bool {
	return len(h.on(dev)) > 0 || slices.Contains(h.claims, dev) || slices.Contains(h.swaps, dev) ||
		slices.ContainsFunc(h.mounts, func(m mount) bool { return m.dev == dev })
}
