package remediatetest

import "fmt"

// Remains lists what is on the host of the LU, found by what the kernel takes
// its identity for: "map mpathb (dm-12)", "disk sdi (39:0:0:1)". It is nil when
// nothing is.
func (lu *LU) Remains() []string {
	lu.host.mu.Lock()
	defer lu.host.mu.Unlock()
	var out []string
	for _, m := range lu.host.sortedMaps() {
		if m.multipath() && m.lu.naa == lu.naa {
			out = append(out, fmt.Sprintf("map %s (%s)", m.name, m.dm))
		}
	}
	for _, d := range lu.host.sortedDisks() {
		if d.cached.naa == lu.naa {
			out = append(out, fmt.Sprintf("disk %s (%s)", d.name, d.hctl))
		}
	}
	return out
}

// Paths lists the kernel names of the disks that the kernel takes for the LU.
func (lu *LU) Paths() []string {
	lu.host.mu.Lock()
	defer lu.host.mu.Unlock()
	var out []string
	for _, d := range lu.host.sortedDisks() {
		if d.cached == lu {
			out = append(out, d.name)
		}
	}
	return out
}

// Gone reports whether the map has been removed.
func (m *Map) Gone() bool {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	return m.gone
}

// Queueing reports whether the map is there and would hold I/O back without a
// usable path.
func (m *Map) Queueing() bool {
	m.host.mu.Lock()
	defer m.host.mu.Unlock()
	return !m.gone && m.queueing
}
