package multipath

import (
	"strconv"
	"strings"
)

// row reads a group or a path in any form and any state of damage: other or no
// glyphs, lost or added indents. It reports whether the line was one.
func (r *textReader) row(raw, line string) (bool, error) {
	n := 0
	for n < len(line) && !isWord(line[n]) {
		n++
	}
	d := drawing{glyphs: line[:n], indent: len(raw) > 2 && raw[0] == ' ' && raw[1] == ' '}
	body := line[n:]
	switch {
	case strings.HasPrefix(body, "policy=") && strings.Contains(d.glyphs, "+-"):
		return r.treeGroup(d, body)
	case startsHCTL(body):
		return r.path(d, body)
	case strings.HasPrefix(d.glyphs, `\_`):
		return r.bracketGroup(body)
	}
	return false, r.garbled(d)
}

// garbled notes that a line which was drawn as a row is none any more.
func (r *textReader) garbled(d drawing) error {
	if r.open.m != nil && d.drawn() {
		r.open.m.Partial = true
	}
	return nil
}

// admit checks that a row can only belong to the open map.
func (r *textReader) admit(form Form) error {
	if err := r.retire(); err != nil {
		return err
	}
	o := &r.open
	switch {
	case o.m == nil && len(r.batch.maps) == 0:
		return refused(r.line, ErrTruncated, "a row without the map that it belongs to")
	case o.m == nil:
		return refused(r.line, nil, "a row without the map that it belongs to")
	case o.doubt != 0:
		return refused(r.line, nil, "a row that may belong to another map: line "+strconv.Itoa(o.doubt)+" makes no sense")
	case o.form != form:
		return refused(r.line, nil, "a row in another form than its map")
	}
	return nil
}

// treeGroup reads
//
//	|-+- policy='service-time 0' prio=50 status=active
func (r *textReader) treeGroup(d drawing, body string) (bool, error) {
	g, ok := parseTreeGroup(body)
	if !ok {
		return false, r.garbled(d)
	}
	if err := r.admit(FormTree); err != nil {
		return true, err
	}
	if r.open.last == '`' {
		return true, refused(r.line, nil, "a group behind the last one of its map")
	}
	r.addGroup(&g, d.glyph())
	return true, nil
}

// bracketGroup reads
//
//	\_ round-robin 0 [prio=2][active]
func (r *textReader) bracketGroup(body string) (bool, error) {
	g, ok := parseBracketGroup(body)
	if !ok {
		return false, r.garbled(drawing{glyphs: `\_ `})
	}
	if err := r.admit(FormBracket); err != nil {
		return true, err
	}
	r.addGroup(&g, 0)
	return true, nil
}

func (r *textReader) addGroup(g *groupRow, glyph byte) {
	o := &r.open
	if o.missingPaths() != "" {
		o.m.Partial = true
	}
	r.closeGroup()
	o.group = r.batch.groups.add(r.pos, len(r.text))
	o.group.row, o.group.paths, o.group.from = g, r.batch.table, r.batch.len()
	o.last, o.end = glyph, 0
}

// path reads a row that begins with a SCSI address.
func (r *textReader) path(d drawing, body string) (bool, error) {
	if !d.drawn() && (r.open.group == nil || r.open.doubt != 0 || r.pending.line != "") {
		return false, nil // a table, not a tree
	}
	var p pathWords
	form := FormTree
	var whole bool
	switch {
	case strings.HasPrefix(d.glyphs, `\_`):
		form, whole = FormBracket, p.bracket(body)
	case r.open.m != nil && r.open.m.Foreign() != "":
		whole = p.foreign(body)
	default:
		whole = p.tree(body)
	}
	if !whole && !(d.drawn() && p.some(body)) {
		return false, r.garbled(d)
	}
	if err := r.admit(form); err != nil {
		return true, err
	}
	return true, r.addPath(d, &p, whole)
}

func (r *textReader) addPath(d drawing, p *pathWords, whole bool) error {
	o := &r.open
	switch {
	case r.cut && !(whole && p.ends(o.form)):
		return refused(r.line, ErrTruncated, "the last line does not end")
	case o.group == nil:
		return refused(r.line, nil, "a path without a group")
	case o.end == '`':
		return refused(r.line, nil, "a path behind the last one of its group")
	case d.outer() == '|' && o.last == '`', d.outer() == ' ' && o.last == '|':
		return refused(r.line, nil, "a path of another group")
	}
	r.batch.room(r.pos, len(r.text))
	r.batch.table.addIn(r.begun, r.pos, p)
	if o.end = d.glyph(); o.end == 0 {
		o.end = 1
	}
	if !whole {
		o.m.Partial, o.doubt = true, r.line
	}
	return nil
}
