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

	State    string `json:"-"` // "active", "suspend", "undef"; JSON only
	Failback string `json:"-"` // "immediate", "manual", "-", seconds; JSON only
	Retry    string `json:"-"` // the daemon's "queueing": "off", "on", "-", "10 sec", "5 chk"; JSON only
	Active   *int   `json:"-"` // the daemon's count of active paths, not of paths; JSON only
	// Partial says that by its own drawing the map has lost rows, or that a row
	// of it is garbled: its paths are some of the map's paths.
	Partial bool `json:"-"`
}

// A Group is one path group (priority group) of a [Map].
type Group struct {
	Policy string `json:"policy,omitempty"` // "service-time 0"
	Prio   *int   `json:"prio,omitempty"`   // nil where there is none
	Status string `json:"status,omitempty"` // "active", "enabled", "disabled", "undef"
	Paths  []Path `json:"paths"`
}

// A Path is one path of a [Group]. A row that is garbled behind its device
// number has no states, and its map is [Map].Partial.
type Path struct {
	HCTL       string `json:"hctl,omitempty"`        // "39:0:0:1"; "#:#:#:#" where unknown; text only
	Dev        string `json:"dev,omitempty"`         // "sdi"; "-" where unknown
	Devt       string `json:"devt,omitempty"`        // "8:128"; "#:#" where unknown
	DMState    string `json:"dm_state,omitempty"`    // "active", "failed", "undef"
	CheckState string `json:"check_state,omitempty"` // "ready", "faulty", "i/o pending", …
	DevState   string `json:"dev_state,omitempty"`   // "running", "offline", "unknown": proves nothing, read sysfs
}

// Queueing reports whether the map's features, as printed, hold I/O back while
// no path is usable.
func (m *Map) Queueing() bool { return strings.Contains(m.Features, "queue_if_no_path") }

// Each calls yield for each path of the map, group by group.
func (m *Map) Each(yield func(*Path) bool) {
	for i := range m.Groups {
		for j := range m.Groups[i].Paths {
			if !yield(&m.Groups[i].Paths[j]) {
				return
			}
		}
	}
}
