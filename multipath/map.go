package multipath

import (
	"encoding/json"
	"slices"
	"strings"
)

// A Map is one multipath map as its source prints it. Every string is the
// literal token, "undef" and "##" included; what the form does not have is
// empty. Compare with [Map.Equal].
type Map struct {
	Name   string  // device-mapper name: alias or WWID
	WWID   string  // dm uuid without "mpath-"; empty where the source prints "()"
	DM     string  // "dm-12"; "undef" in a dry run; the nvme node of a foreign map
	Groups []Group // in the order of printing

	// Live is what text does not tell; nil for text.
	Live *MapState
	// Partial says that by its own drawing the map has lost rows, or that a row
	// of it is garbled: its paths are some of the map's paths.
	Partial bool

	maker      *maker      // nil for none; maps that say the same share it
	properties *properties // likewise
}

// A MapState is what only the daemon's JSON tells of a [Map]; device-mapper
// tells State.
type MapState struct {
	State    string // "active", "suspend", "undef"
	Failback string // "immediate", "manual", "-", seconds
	Retry    string // the daemon's "queueing": "off", "on", "-", "10 sec", "5 chk"
	Active   *int   // the daemon's count of active paths, not of paths
}

// mapWords are what a source prints of a [Map], and its JSON.
type mapWords struct {
	Name     string  `json:"alias"`
	WWID     string  `json:"wwid,omitempty"`
	DM       string  `json:"dm,omitempty"`
	Vendor   string  `json:"vendor,omitempty"`
	Product  string  `json:"product,omitempty"`
	Size     string  `json:"size,omitempty"`
	Features string  `json:"features,omitempty"`
	Handler  string  `json:"hwhandler,omitempty"`
	Write    string  `json:"wp,omitempty"`
	Action   string  `json:"action,omitempty"`
	Foreign  string  `json:"foreign,omitempty"`
	Groups   []Group `json:"groups"`
}

// newMap makes a map of its words.
func newMap(w mapWords) Map {
	return Map{
		Name: w.Name, WWID: w.WWID, DM: w.DM, Groups: w.Groups,
		maker:      &maker{vendor: w.Vendor, product: w.Product, action: w.Action, foreign: w.Foreign},
		properties: &properties{size: w.Size, features: w.Features, handler: w.Handler, write: w.Write},
	}
}

// Vendor returns the vendor of the storage; "##" where no path is usable.
func (m *Map) Vendor() string { return m.made().vendor }

// Product returns the storage's product, which may hold spaces and commas.
func (m *Map) Product() string { return m.made().product }

// Size returns "10G", "576 GB". Only text has it.
func (m *Map) Size() string { return m.has().size }

// Features returns the features of the table: "1 queue_if_no_path".
func (m *Map) Features() string { return m.has().features }

// Handler returns the hardware handler: "1 alua".
func (m *Map) Handler() string { return m.has().handler }

// Write returns the write protection: "rw", "ro", "undef".
func (m *Map) Write() string { return m.has().write }

// Action returns what was done to the map when it was printed: "reload",
// "create", ….
func (m *Map) Action() string { return m.made().action }

// Foreign returns "nvme" for what is not a device-mapper map.
func (m *Map) Foreign() string { return m.made().foreign }

// Queueing reports whether the map's features, as printed, hold I/O back while
// no path is usable.
func (m *Map) Queueing() bool { return strings.Contains(m.Features(), "queue_if_no_path") }

// Each calls yield for each path of the map, group by group.
func (m *Map) Each(yield func(Path) bool) {
	for _, g := range m.Groups {
		for p := range g.Each {
			if !yield(p) {
				return
			}
		}
	}
}

// words returns all that is printed of the map.
func (m *Map) words() mapWords {
	return mapWords{
		Name: m.Name, WWID: m.WWID, DM: m.DM, Groups: m.Groups,
		Vendor: m.Vendor(), Product: m.Product(), Action: m.Action(), Foreign: m.Foreign(),
		Size: m.Size(), Features: m.Features(), Handler: m.Handler(), Write: m.Write(),
	}
}

// Equal reports whether both say the same.
func (m Map) Equal(n Map) bool {
	return m.Name == n.Name && m.WWID == n.WWID && m.DM == n.DM && *m.made() == *n.made() && *m.has() == *n.has() &&
		m.Partial == n.Partial && m.Live.equal(n.Live) && slices.EqualFunc(m.Groups, n.Groups, Group.Equal)
}

func (s *MapState) equal(o *MapState) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.State == o.State && s.Failback == o.Failback && s.Retry == o.Retry &&
		(s.Active == nil) == (o.Active == nil) && (s.Active == nil || *s.Active == *o.Active)
}

// MarshalJSON writes what is not empty, under the names alias, wwid, dm, vendor,
// product, size, features, hwhandler, wp, action and foreign, and the groups. Live
// and Partial are left out.
func (m Map) MarshalJSON() ([]byte, error) { return json.Marshal(m.words()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Map) UnmarshalJSON(b []byte) error {
	var w mapWords
	err := json.Unmarshal(b, &w)
	*m = newMap(w)
	return err
}

func (m *Map) made() *maker {
	if m.maker == nil {
		return &maker{}
	}
	return m.maker
}

func (m *Map) has() *properties {
	if m.properties == nil {
		return &properties{}
	}
	return m.properties
}
