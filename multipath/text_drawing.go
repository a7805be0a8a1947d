package multipath

import "strings"

// A drawing is what stands before the words of a row: the lines of the tree.
type drawing struct {
	glyphs string // "| `- "
	indent bool   // two blanks or more before that
}

// drawn reports whether there is any drawing.
func (d drawing) drawn() bool { return strings.ContainsAny(d.glyphs, "|`'\\-") }

// glyph returns '|' where more of the same kind follow, '`' where the row is the
// last of its kind, and 0 where the drawing is damaged or does not tell.
func (d drawing) glyph() byte {
	switch d.glyphs { // as print.c draws them
	case "|-+- ", "|- ", "| |- ":
		return '|'
	case "`-+- ", "`- ", "| `- ":
		return '`'
	}
	at := strings.LastIndexAny(d.glyphs, "|`'")
	switch {
	case at < 0 || !strings.HasPrefix(d.glyphs[at+1:], "-"):
		return 0
	case d.glyphs[at] == '|':
		return '|'
	}
	return '`'
}

// outer returns what a path's row shows of the line between groups: '|' where
// groups follow its own, ' ' where they do not, and 0 where it does not tell.
func (d drawing) outer() byte {
	switch {
	case strings.HasPrefix(d.glyphs, "| "):
		return '|'
	case d.indent && d.glyph() != 0:
		return ' '
	}
	return 0
}

// isWord reports whether c can begin the words of a row.
func isWord(c byte) bool {
	return c == '#' || isDigit(c) || c|0x20-'a' < 26
}
