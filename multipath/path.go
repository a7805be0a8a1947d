package multipath

import (
	"encoding/binary"
	"encoding/json"
	"strings"
)

// A Path is one path of a [Group]: six words, empty where the form does not have
// them. A row that is garbled behind its device number has no states, and its
// map is [Map].Partial.
//
// It is small and has one pointer, for a host has thousands: what costs most
// about reading a topology is the memory that it is put into. Compare with
// [Path.Equal]: == asks where the words are, too.
type Path struct {
	row string // holds the words
	at  [wordCount]span
	far bool // the words are further apart than spans can tell: see farRow
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

// PathWords are the words of a [Path], to make one of or to see them all.
type PathWords struct {
	HCTL       string `json:"hctl,omitempty"`
	Dev        string `json:"dev,omitempty"`
	Devt       string `json:"devt,omitempty"`
	DMState    string `json:"dm_state,omitempty"`
	CheckState string `json:"check_state,omitempty"`
	DevState   string `json:"dev_state,omitempty"`
}

// NewPath makes a path of its words.
func NewPath(w PathWords) Path {
	var p packer
	return p.path(&w)
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

// Words returns all of them.
func (p Path) Words() PathWords {
	return PathWords{
		HCTL: p.HCTL(), Dev: p.Dev(), Devt: p.Devt(),
		DMState: p.DMState(), CheckState: p.CheckState(), DevState: p.DevState(),
	}
}

// Equal reports whether both have the same words.
func (p Path) Equal(q Path) bool { return p.Words() == q.Words() }

// String returns the words, parted by blanks.
func (p Path) String() string {
	s := p.HCTL()
	for i := wordDev; i < wordCount; i++ {
		s += " " + p.word(i)
	}
	return s
}

// MarshalJSON writes [PathWords].
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.Words()) }

// UnmarshalJSON reads [PathWords].
func (p *Path) UnmarshalJSON(b []byte) error {
	var w PathWords
	err := json.Unmarshal(b, &w)
	*p = NewPath(w)
	return err
}

func (p *Path) word(i int) string {
	if p.far {
		return farWord(p.row, i)
	}
	return p.row[p.at[i].from:p.at[i].to]
}

func (w *PathWords) list() [wordCount]string {
	return [wordCount]string{w.HCTL, w.Dev, w.Devt, w.DMState, w.CheckState, w.DevState}
}

// A packer keeps words that do not stand together in a text, those of many
// paths in one piece of memory.
type packer struct{ piece strings.Builder }

func (k *packer) path(w *PathWords) Path {
	all := w.list()
	size := 0
	for _, word := range all {
		size += len(word)
	}
	if size > mostSpan {
		return Path{row: farRow(all), far: true}
	}
	if k.piece.Cap()-k.piece.Len() < size {
		next := max(size, min(2*k.piece.Cap(), mostPiece))
		k.piece = strings.Builder{}
		k.piece.Grow(next)
	}
	var p Path
	start := k.piece.Len()
	for i, word := range all {
		p.at[i].from = uint8(k.piece.Len() - start)
		k.piece.WriteString(word)
		p.at[i].to = uint8(k.piece.Len() - start)
	}
	p.row = k.piece.String()[start:]
	return p
}

const mostPiece = 4096

// farRow keeps words of any length: behind the lengths of all.
func farRow(all [wordCount]string) string {
	var b []byte
	for _, word := range all {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(word)))
	}
	for _, word := range all {
		b = append(b, word...)
	}
	return string(b)
}

func farWord(row string, i int) string {
	from, size := 8*wordCount, 0
	for n := range i + 1 {
		from += size
		size = int(binary.LittleEndian.Uint64([]byte(row[8*n : 8*n+8])))
	}
	return row[from : from+size]
}
