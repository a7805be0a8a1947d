package remediatetest

import "slices"

const (
	loggedIn = "LOGGED_IN"
	lost     = "FAILED"
)

// Unmap takes the LU from the host on the array's side, on these targets, or on
// all: the target answers everything with 05/25/00, and multipathd's checker has
// failed the paths.
func (h *Host) Unmap(lu *LU, from ...*Target) { h.lose(lu, unmapped, from) }

// Disconnect is [Host.Unmap] of LUN 0 as LIO does it: INQUIRY tells of it, TEST
// UNIT READY is good, so that the paths go on as "active ready".
func (h *Host) Disconnect(lu *LU, from ...*Target) { h.lose(lu, disconnected, from) }

// Vanish lets the LU fall silent (DID_NO_CONNECT) while the target's other LUs
// answer and REPORT LUNS does not list it.
func (h *Host) Vanish(lu *LU, from ...*Target) { h.lose(lu, vanished, from) }

func (h *Host) lose(lu *LU, state lunState, from []*Target) {
	h.set(func() {
		for _, t := range h.orAll(from) {
			for _, l := range t.luns {
				if l.lu == lu {
					l.state = state
					h.tell(t)
				}
			}
		}
		h.checkPaths()
	})
}

// Restore maps the LU again as it was.
func (h *Host) Restore(lu *LU, to ...*Target) { h.lose(lu, mapped, to) }

// Remap gives the LUNs of a LU to another one, on these targets, or on all.
// What the kernel cached stays, and the paths go on as if nothing had happened.
func (h *Host) Remap(lu, to *LU, on ...*Target) {
	h.set(func() {
		for _, t := range h.orAll(on) {
			for _, l := range t.luns {
				if l.lu == lu {
					l.lu, l.state = to, mapped
					h.tell(t)
				}
			}
		}
		h.checkPaths()
	})
}

// Rescan has the kernel ask disks again which LU they are, as rescan-scsi-bus.sh
// and iscsiadm -R do, where LUNs were given to another LU. The kernel tells
// nobody: the maps keep the disks, and udev its links.
func (h *Host) Rescan(disks ...string) {
	for _, name := range disks {
		h.onDisk(name, func(d *disk) {
			if l := d.target.luns[d.hctl.LUN]; l.state == mapped {
				d.cached = l.lu
				h.makeIdentity(d)
			}
		})
	}
}

// Outage cuts sessions (all, if none is named) for longer than the recovery
// time: they are FAILED, their disks "transport-offline".
func (h *Host) Outage(sessions ...*Target) { h.sever(sessions, "transport-offline") }

// Stall cuts sessions (all, if none is named) a moment ago: they are FAILED,
// their disks "blocked", and nothing has been decided yet.
func (h *Host) Stall(sessions ...*Target) { h.sever(sessions, "blocked") }

// Recover brings sessions back.
func (h *Host) Recover(sessions ...*Target) { h.sever(sessions, "running") }

func (h *Host) sever(sessions []*Target, diskState string) {
	h.set(func() {
		for _, t := range h.orAll(sessions) {
			if t.session == "" {
				continue
			}
			t.state = lost
			if diskState == "running" {
				t.state = loggedIn
				h.tell(t)
			}
			h.makeSession(t)
			for _, d := range h.disks {
				if d.target == t {
					h.setDiskState(d, diskState)
				}
			}
		}
		h.checkPaths()
	})
}

func (h *Host) orAll(targets []*Target) []*Target {
	if len(targets) == 0 {
		return h.targets
	}
	return targets
}

// checkPaths is multipathd's checker on every path of every map, and what it
// makes of the kernel's tables.
func (h *Host) checkPaths() {
	for _, m := range h.maps {
		for _, p := range m.paths {
			p.check = p.disk.checked()
			p.failed = p.check == "faulty"
		}
		if m.usable() > 0 && m.retry == Queue && !m.held {
			h.queue(m, true)
		}
	}
}

// checked is the verdict of the checker tur.
func (d *disk) checked() string {
	l := d.target.luns[d.hctl.LUN]
	switch {
	case d.state == "blocked":
		return "i/o pending"
	case d.gone, d.state != "running", !d.target.reachable(), l.state == unmapped, l.state == vanished:
		return "faulty"
	}
	return "ready"
}

// DeletedByHand takes disks away as an operator does who begins at the wrong
// end. A map that loses its last path by it stays, as one does that somebody had
// open when multipathd heard of it, and let go of later.
func (h *Host) DeletedByHand(disks ...string) {
	h.set(func() {
		for _, name := range disks {
			if d := h.disks[name]; d != nil {
				h.vanish(d)
			}
		}
		h.daemon.entries = slices.DeleteFunc(h.daemon.entries, func(e *entry) bool { return e.disk.gone })
	})
}

// Suspend suspends a map: whoever reads it waits.
func (h *Host) Suspend(m *Map) { h.set(func() { h.suspend(m, true) }) }

// Resume lifts the suspension of a map.
func (h *Host) Resume(m *Map) { h.set(func() { h.suspend(m, false) }) }

// SuspendOnFlush makes the next multipath -f of the map fail and leave it
// suspended, as 0.9.6 does when it is opened meanwhile.
func (h *Host) SuspendOnFlush(m *Map) { h.set(func() { m.leaveSuspended = true }) }

// BusyOnFlush makes the next n flushes of the map find it in use, as when udev
// looks at it.
func (h *Host) BusyOnFlush(m *Map, n int) { h.set(func() { m.busy = n }) }

// StuckDelete lets deletes of a disk sleep in the kernel until [Host.Release].
func (h *Host) StuckDelete(dev string) { h.onDisk(dev, func(d *disk) { d.stuck = true }) }

// HangRead lets reads of a map or a disk sleep in the kernel until
// [Host.Release], whatever its paths are.
func (h *Host) HangRead(dev string) {
	h.mu.Lock()
	m := h.maps[dev]
	h.mu.Unlock()
	if m != nil {
		h.set(func() { m.hangs = true })
		return
	}
	h.onDisk(dev, func(d *disk) { d.hangs = true })
}

func (h *Host) onDisk(name string, change func(*disk)) {
	h.set(func() {
		if d := h.disks[name]; d != nil {
			change(d)
			return
		}
		h.failf("no disk is called " + name)
	})
}

// Release ends [Host.StuckDelete] and [Host.HangRead]: what is stuck by them
// comes back.
func (h *Host) Release() {
	h.set(func() {
		for _, d := range h.disks {
			d.stuck, d.hangs = false, false
		}
		for _, m := range h.maps {
			m.hangs = false
		}
	})
}

// StopDaemon stops multipathd; multipath works without it.
func (h *Host) StopDaemon() { h.set(func() { h.daemon.running = false }) }

// BusyDaemon makes multipathd answer every order with a time-out, as one whose
// lock is held does. multipath -f does its work alone then.
func (h *Host) BusyDaemon() { h.set(func() { h.daemon.busy = true }) }

// DeafDaemon makes multipathd miss the uevents of disks that go: it lists their
// paths until it is told to forget them.
func (h *Host) DeafDaemon() { h.set(func() { h.daemon.deaf = true }) }

// Hold opens a device for somebody that no list shows: only its open count
// tells.
func (h *Host) Hold(dev string) {
	h.set(func() {
		h.known(dev)
		h.held = append(h.held, dev)
	})
}

// FlushedByHand takes a multipath map away; its disks stay.
func (h *Host) FlushedByHand(m *Map) {
	h.set(func() {
		if !h.flushable(m) {
			h.failf(m.name + " is in use")
			return
		}
		h.flush(m)
	})
}
