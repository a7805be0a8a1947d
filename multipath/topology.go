package multipath

import "strings"

// A Topology is what one source says about the multipath maps of a host. Its
// strings share the memory of the text that was read.
type Topology struct {
	Maps []Map `json:"maps"`
	// Form is how the source was printed. What a form cannot tell is told by
	// [Topology.Unknowns].
	Form Form `json:"-"`
	// Noise counts the lines (outside the value, for JSON) that are neither
	// header, properties, group nor path of a map: logs, prompts, tables.
	Noise int `json:"-"`
}

// A Map is one multipath map as its source prints it. Every string is the
// literal token, "undef" and "##" included; a field that the form does not have
// is empty.
type Map struct {
	Name     string  `json:"alias"`              // device-mapper name: alias or WWID
	WWID     string  `json:"wwid,omitempty"`     // dm uuid without "mpath-"; empty where the source prints "()"
	DM       string  `json:"dm,omitempty"`       // "dm-12"; "undef" in a dry run; the nvme node of a foreign map
	Vendor   string  `json:"vendor,omitempty"`   // "##" where no path is usable
	Product  string  `json:"product,omitempty"`  // may hold spaces and commas
	Size     string  `json:"size,omitempty"`     // "10G", "576 GB"; text only
	Features string  `json:"features,omitempty"` // "1 queue_if_no_path"
	Handler  string  `json:"hwhandler,omitempty"`
	Write    string  `json:"wp,omitempty"`      // "rw", "ro", "undef"
	Action   string  `json:"action,omitempty"`  // "reload", "create", …
	Foreign  string  `json:"foreign,omitempty"` // "nvme": not a device-mapper map
	Groups   []Group `json:"groups"`

	// Live is what text does not tell; nil for text.
	Live *MapState `json:"-"`
	// Partial says that by its own drawing the map has lost rows, or that a row
	// of it is garbled: its paths are some of the map's paths.
	Partial bool `json:"-"`
}

// A MapState is what only the daemon's JSON tells of a [Map]; device-mapper
// tells State.
type MapState struct {
	State    string // "active", "suspend", "undef"
	Failback string // "immediate", "manual", "-", seconds
	Retry    string // the daemon's "queueing": "off", "on", "-", "10 sec", "5 chk"
	Active   *int   // the daemon's count of active paths, not of paths
}

// A Group is one path group (priority group) of a [Map].
type Group struct {
	Policy string `json:"policy,omitempty"` // "service-time 0"
	Prio   *int   `json:"prio,omitempty"`   // nil where there is none; groups of equal rows share it
	Status string `json:"status,omitempty"` // "active", "enabled", "disabled", "undef"
	Paths  []Path `json:"paths"`
}

// Queueing reports whether the map's features, as printed, hold I/O back while
// no path is usable.
func (m *Map) Queueing() bool { return strings.Contains(m.Features, "queue_if_no_path") }

// Each calls yield for each path of the map, group by group.
func (m *Map) Each(yield func(Path) bool) {
	for i := range m.Groups {
		for _, p := range m.Groups[i].Paths {
			if !yield(p) {
				return
			}
		}
	}
}
