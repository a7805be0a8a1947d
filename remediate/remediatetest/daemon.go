package remediatetest

import (
	"fmt"
	"slices"
	"strings"
)

// A daemon is what multipathd keeps to itself.
type daemon struct {
	running bool
	busy    bool // takes no order within its time limit
	deaf    bool // misses the uevents of disks that go
	entries []*entry
}

// An entry is a path that multipathd knows of.
type entry struct {
	disk *disk
	late int // how often it has been listed since its disk went
}

// lateness is how often multipathd lists a path whose disk has gone, before it
// has got to the uevent.
const lateness = 2

func (d *daemon) found(disk *disk) { d.entries = append(d.entries, &entry{disk: disk}) }

// showPaths answers show paths raw format, for the wildcards %d %i %m %w, and
// gets a little further with the uevents of disks that have gone.
func (h *Host) showPaths(format string) string {
	var b strings.Builder
	for _, e := range h.daemon.entries {
		name := "[orphan]"
		for _, m := range h.mapsOf(e.disk) {
			name = m.name
		}
		b.WriteString(strings.NewReplacer("%d", e.disk.name, "%i", e.disk.hctl.String(),
			"%m", name, "%w", e.disk.cached.WWID()).Replace(format) + "\n")
		if e.disk.gone && !h.daemon.deaf {
			e.late++
		}
	}
	h.daemon.entries = slices.DeleteFunc(h.daemon.entries, func(e *entry) bool { return e.late >= lateness })
	return b.String()
}

// topology prints the maps as multipath -ll and multipathd show topology do,
// columns as wide as the widest path needs.
func (h *Host) topology() string {
	var b strings.Builder
	w := h.widths()
	for _, m := range h.sortedMaps() {
		if m.multipath() {
			h.printMap(&b, m, w)
		}
	}
	return b.String()
}

func (h *Host) printMap(b *strings.Builder, m *Map, w [3]int) {
	vendor := "##,##"
	if len(m.paths) > 0 {
		vendor = m.lu.vendor + "," + m.lu.product
	}
	fmt.Fprintf(b, "%s (%s) %s %s\n", m.name, strings.TrimPrefix(m.uuid, "mpath-"), m.dm, vendor)
	fmt.Fprintf(b, "size=%s features='%s' hwhandler='1 alua' wp=rw\n", humanSize(m.size), m.features())
	if len(m.paths) == 0 {
		return
	}
	prio := 50
	if m.usable() == 0 {
		prio = 0
	}
	fmt.Fprintf(b, "`-+- policy='service-time 0' prio=%d status=%s\n", prio, m.groupStatus())
	for i, p := range m.paths {
		branch := "|"
		if i == len(m.paths)-1 {
			branch = "`"
		}
		b.WriteString("  " + branch + "- " + p.columns(w) + "\n")
	}
}

// columns are H:C:T:L, name and device number, padded, and the three states.
func (p *mapPath) columns(w [3]int) string {
	state := "active"
	if p.failed {
		state = "failed"
	}
	dev := "running"
	if !online(p.disk.state) {
		dev = "offline"
	}
	return fmt.Sprintf("%-*s %-*s %-*s %s %s %s", w[0], p.disk.hctl, w[1], p.disk.name, w[2], devNum(p.disk.name),
		state, p.check, dev)
}

func (h *Host) widths() (w [3]int) {
	for _, d := range h.disks {
		w[0] = max(w[0], len(d.hctl.String()))
		w[1] = max(w[1], len(d.name))
		w[2] = max(w[2], len(devNum(d.name).String()))
	}
	return w
}

// humanSize writes a size as multipath does: "8.0M", "576G".
func humanSize(bytes uint64) string {
	const units = "KMGTP"
	s, u := float64(bytes)/1024, 0
	for s >= 1024 && u < len(units)-1 {
		s, u = s/1024, u+1
	}
	if s < 10 {
		return fmt.Sprintf("%.1f%c", s, units[u])
	}
	return fmt.Sprintf("%.0f%c", s, units[u])
}
