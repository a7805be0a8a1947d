package multipath

import "encoding/json"

// A Group is one path group (priority group) of a [Map]. Compare with
// [Group.Equal].
type Group struct {
	row      *groupRow  // nil for none of its words; equal rows share it
	paths    *pathTable // has those of other groups, too
	from, to uint32
}

// groupWords are what a [Group] says, and its JSON.
type groupWords struct {
	Policy string      `json:"policy,omitempty"`
	Prio   *int        `json:"prio,omitempty"` // nil where there is none
	Status string      `json:"status,omitempty"`
	Paths  []pathWords `json:"paths"`
}

// newGroup makes a group of its words.
func newGroup(w groupWords) Group {
	g := Group{row: &groupRow{policy: w.Policy, status: w.Status}, paths: &pathTable{}, to: uint32(len(w.Paths))}
	if w.Prio != nil {
		g.row.prio, g.row.rated = *w.Prio, true
	}
	var k packer
	for i := range w.Paths {
		k.add(g.paths, &w.Paths[i])
	}
	k.close(g.paths)
	return g
}

// Policy returns the path selector and its arguments: "service-time 0".
func (g Group) Policy() string { return g.said().policy }

// Status returns "active", "enabled", "disabled" or "undef".
func (g Group) Status() string { return g.said().status }

// Prio returns the priority, which a group without usable paths, or of foreign
// paths, may not have.
func (g Group) Prio() (prio int, ok bool) { return g.said().prio, g.said().rated }

// Len returns how many paths the group has.
func (g Group) Len() int { return int(g.to - g.from) }

// Path returns the path at i, from 0 on, as printed.
func (g Group) Path(i int) Path { return g.paths.path(g.from + uint32(i)) }

// Each calls yield for each path of the group.
func (g Group) Each(yield func(Path) bool) {
	for i := range g.Len() {
		if !yield(g.Path(i)) {
			return
		}
	}
}

// words returns all that the group says.
func (g Group) words() groupWords {
	w := groupWords{Policy: g.Policy(), Status: g.Status(), Paths: make([]pathWords, 0, g.Len())}
	if n, ok := g.Prio(); ok {
		w.Prio = &n
	}
	for p := range g.Each {
		w.Paths = append(w.Paths, p.words())
	}
	return w
}

// Equal reports whether both say the same.
func (g Group) Equal(h Group) bool {
	if g.said() != h.said() || g.Len() != h.Len() {
		return false
	}
	for i := range g.Len() {
		if !g.Path(i).Equal(h.Path(i)) {
			return false
		}
	}
	return true
}

// MarshalJSON writes what is not empty, under the names policy, prio and status,
// and the paths.
func (g Group) MarshalJSON() ([]byte, error) { return json.Marshal(g.words()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (g *Group) UnmarshalJSON(b []byte) error {
	var w groupWords
	err := json.Unmarshal(b, &w)
	*g = newGroup(w)
	return err
}

func (g Group) said() groupRow {
	if g.row == nil {
		return groupRow{}
	}
	return *g.row
}
