package multipath

import "strings"

// A pathTable has the paths of a topology. What costs most about reading a
// topology is the memory that it is put into, and most of that is for paths: a
// row says where in the text its words are, without a pointer, so that the
// garbage collector has nothing to look for in rows.
type pathTable struct {
	text string
	rows []pathRow
	odd  []pathWords // of paths that have no row in the text, or too long a one
}

// A pathRow is a path. From oddRow on, at is oddRow and an index of odd.
type pathRow struct {
	at    uint32 // offset in the text, which the words are relative to
	words [wordCount]span
}

const oddRow = 1 << 31

func (t *pathTable) path(i uint32) Path {
	row := &t.rows[i]
	if row.at >= oddRow {
		return Path{odd: &t.odd[row.at-oddRow]}
	}
	text := t.text[row.at:]
	return Path{row: text[:min(mostSpan, len(text))], at: row.words}
}

// addOdd adds a path that has its words elsewhere.
func (t *pathTable) addOdd(w *pathWords) {
	t.rows = append(t.rows, pathRow{at: oddRow | uint32(len(t.odd))})
	t.odd = append(t.odd, *w)
}

// addIn adds a path with words that stand in the line from begin to end of the
// text.
func (t *pathTable) addIn(begin, end int, w *pathWords) {
	all := w.list()
	at, ok := locate(t.text[begin:min(end, begin+mostSpan)], &all)
	if !ok || uint(begin) >= oddRow {
		t.addOdd(w)
		return
	}
	t.rows = append(t.rows, pathRow{at: uint32(begin), words: at})
}

// locate finds words in a row, one behind the other.
func locate(row string, all *[wordCount]string) (at [wordCount]span, ok bool) {
	end := 0
	for i, word := range all {
		n := strings.Index(row[end:], word)
		if n < 0 || end+n+len(word) > mostSpan {
			return at, false
		}
		at[i] = span{from: uint8(end + n), to: uint8(end + n + len(word))}
		end += n + len(word)
	}
	return at, true
}

// A packer puts words that do not stand together in a text into one. The table
// has it when close was called.
type packer struct{ text strings.Builder }

func (k *packer) add(t *pathTable, w *pathWords) {
	begin := k.text.Len()
	var at [wordCount]span
	for i, word := range w.list() {
		from := k.text.Len() - begin
		if from+len(word) > mostSpan || uint(begin) >= oddRow {
			t.addOdd(w)
			return
		}
		k.text.WriteString(word)
		at[i] = span{from: uint8(from), to: uint8(from + len(word))}
	}
	t.rows = append(t.rows, pathRow{at: uint32(begin), words: at})
}

func (k *packer) close(t *pathTable) { t.text = k.text.String() }
