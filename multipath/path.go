package multipath

import (
	"encoding/json"
	"strings"
)

// A Path is one path of a [Group]: six words, empty where the form does not have
// them. A row that is garbled behind its device number has no states, and its
// map is [Map].Partial.
//
// Compare with [Path.Equal]: == asks where the words are, too.
type Path struct {
	row string // holds the words
	at  [wordCount]span
	odd *pathWords // has them instead, where spans cannot tell where they are
}

// The words of a path, as they stand in a row.
const (
	wordHCTL = iota
	wordDev
	wordDevt
	wordDMState
	wordCheckState
	wordDevState
	wordCount
)

// A span is where in a row a word is.
type span struct{ from, to uint8 }

const mostSpan = 1<<8 - 1

// pathWords are the words of a [Path], and its JSON.
type pathWords struct {
	HCTL       string `json:"hctl,omitempty"`
	Dev        string `json:"dev,omitempty"`
	Devt       string `json:"devt,omitempty"`
	DMState    string `json:"dm_state,omitempty"`
	CheckState string `json:"check_state,omitempty"`
	DevState   string `json:"dev_state,omitempty"`
}

// newPath makes a path of its words.
func newPath(w pathWords) Path {
	all := w.list()
	row := strings.Join(all[:], "")
	if len(row) > mostSpan {
		return Path{odd: &w}
	}
	at, _ := locate(row, &all)
	return Path{row: row, at: at}
}

// HCTL returns the SCSI address: "39:0:0:1", or "#:#:#:#" where it is unknown.
// Only text has it.
func (p Path) HCTL() string { return p.word(wordHCTL) }

// Dev returns the kernel's name: "sdi", or "-" where it is unknown.
func (p Path) Dev() string { return p.word(wordDev) }

// Devt returns the device number: "8:128", or "#:#" where it is unknown.
func (p Path) Devt() string { return p.word(wordDevt) }

// DMState returns what device-mapper says of the path: "active", "failed",
// "undef".
func (p Path) DMState() string { return p.word(wordDMState) }

// CheckState returns what the path checker says: "ready", "faulty", "i/o
// pending", ….
func (p Path) CheckState() string { return p.word(wordCheckState) }

// DevState returns the state of the SCSI device as printed: "running",
// "offline", "unknown". It proves nothing: read sysfs.
func (p Path) DevState() string { return p.word(wordDevState) }

// words returns all of them.
func (p Path) words() pathWords {
	return pathWords{
		HCTL: p.HCTL(), Dev: p.Dev(), Devt: p.Devt(),
		DMState: p.DMState(), CheckState: p.CheckState(), DevState: p.DevState(),
	}
}

// Equal reports whether both have the same words.
func (p Path) Equal(q Path) bool { return p.words() == q.words() }

// String returns the words, parted by blanks.
func (p Path) String() string {
	s := p.HCTL()
	for i := wordDev; i < wordCount; i++ {
		s += " " + p.word(i)
	}
	return s
}

// MarshalJSON writes the words that are not empty, under the names hctl, dev, devt,
// dm_state, check_state and dev_state.
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.words()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Path) UnmarshalJSON(b []byte) error {
	var w pathWords
	err := json.Unmarshal(b, &w)
	*p = newPath(w)
	return err
}

func (p *Path) word(i int) string {
	if p.odd != nil {
		return p.odd.list()[i]
	}
	return p.row[p.at[i].from:p.at[i].to]
}

func (p *pathWords) list() [wordCount]string {
	return [wordCount]string{p.HCTL, p.Dev, p.Devt, p.DMState, p.CheckState, p.DevState}
}
