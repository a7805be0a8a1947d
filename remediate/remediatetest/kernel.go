package remediatetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// attribute does what the kernel does when data is written to an attribute of a
// SCSI device: state or delete. A state without a newline is refused as the
// kernel does.
func (p *program) attribute(f *os.File, data []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = syscall.EINVAL
	crashed := p.perform(func() {
		d := p.owner(info)
		switch {
		case d == nil:
			err = syscall.ENODEV
		case filepath.Base(f.Name()) == "delete":
			err = p.deleteDisk(d)
		case string(data) == "offline\n" || string(data) == "running\n":
			err = p.switchDisk(d, strings.TrimSuffix(string(data), "\n"))
		}
	})
	if crashed != nil {
		return crashed
	}
	return err
}

// owner is the disk whose attribute the open file is, by the file and not by its
// path.
func (h *Host) owner(file os.FileInfo) *disk {
	for _, d := range h.disks {
		if slices.ContainsFunc(d.files, func(own fs.FileInfo) bool { return os.SameFile(own, file) }) {
			return d
		}
	}
	return nil
}

// switchDisk allows what scsi_device_set_state allows.
func (p *program) switchDisk(d *disk, state string) error {
	from := map[string][]string{
		"offline": {"running", "blocked", "offline"},
		"running": {"running", "blocked", "offline", "transport-offline"},
	}
	if !slices.Contains(from[state], d.state) {
		return syscall.EINVAL
	}
	p.act(d.name+" state "+state, d.cached, func() {
		p.setDiskState(d, state)
		for _, m := range p.mapsOf(d) {
			m.path(d).failed = m.path(d).failed || state == "offline"
		}
	})
	return nil
}

// deleteDisk takes a disk away, when its driver lets go of it.
func (p *program) deleteDisk(d *disk) (err error) {
	p.act(d.name+" delete", d.cached, func() {
		if d.stuck {
			p.takeOffBus(d)
		}
		for d.stuck && !p.closed {
			p.changed.Wait()
		}
		if d.gone || p.closed {
			err = syscall.ENODEV
			return
		}
		maps := p.mapsOf(d)
		p.vanish(d)
		p.tidy(maps)
	})
	return err
}

// tidy is multipathd, which removes a map when it hears that its last path has
// gone, unless it is open.
func (h *Host) tidy(maps []*Map) {
	hears := h.daemon.running && !h.daemon.busy && !h.daemon.deaf
	for _, m := range maps {
		if hears && len(m.paths) == 0 && h.flushable(m) {
			h.flush(m)
		}
	}
}

// vanish is the end of a disk. The table of its map keeps it as a failed path
// where no multipathd loads another one.
func (h *Host) vanish(d *disk) {
	d.gone = true
	for _, m := range h.mapsOf(d) {
		m.path(d).failed, m.path(d).check = true, "faulty"
		if h.daemon.running {
			h.dropPath(m, d)
		} else {
			h.dropSlave(m, d.name)
		}
	}
	delete(h.disks, d.name)
	h.dropDisk(d)
	h.udev()
}

// dropPath takes a path out of a map's table.
func (h *Host) dropPath(m *Map, d *disk) {
	h.dropSlave(m, d.name)
	m.paths = slices.DeleteFunc(m.paths, func(p *mapPath) bool { return p.disk == d })
}

// removeMap takes a dm device away that nobody has open.
func (h *Host) removeMap(m *Map) {
	m.gone = true
	h.dropMap(m)
	delete(h.maps, m.dm)
	h.udev()
}

// flushable reports whether nobody has a multipath map open, nor a partition map
// on it.
func (h *Host) flushable(m *Map) bool {
	parts := h.on(m.dm)
	for _, p := range parts {
		if h.opens(p.dm) > 0 || !partitionOf(p, m) {
			return false
		}
	}
	return h.opens(m.dm) <= len(parts)
}

// flush takes a multipath map with its partition maps away, as libmultipath
// does.
func (h *Host) flush(m *Map) {
	for _, p := range h.on(m.dm) {
		h.removeMap(p)
	}
	h.removeMap(m)
}

func partitionOf(p, m *Map) bool {
	return p.under == m.dm && len(p.uuid) > len(m.uuid) && p.uuid[:4] == "part"
}

// queue switches queueing of a map on or off. Without it, what waits fails.
func (h *Host) queue(m *Map, on bool) {
	m.queueing = on
	if !on && m.usable() == 0 {
		h.freed(m.dm)
	}
}

func (h *Host) suspend(m *Map, on bool) {
	m.suspended = on
	h.writeSuspended(m)
}
