package multipath

// usual reads ahead what print.c prints where nothing is out of the ordinary,
// which is nearly all of nearly every text, and reports whether that was
// anything. It knows less than [textReader.take] and never reads a line in
// another way: whatever it does not know to the last byte it leaves.
//
// Most of a line was on another line before. The states of a path, a group's
// row, properties and vendors are looked up by their bytes, up to and with the
// newline, among the latest that the careful code read.
func (r *textReader) usual() bool {
	if r.pending.line != "" {
		return false
	}
	switch c := r.text[r.pos]; c {
	case ' ', '|', '`':
		return r.usualPaths() || r.usualGroup()
	default:
		return isWord(c) && c != '#' && r.usualMap()
	}
}

// usualPaths reads rows of the open group, up to the last of them.
//
//	| |- 39:0:0:1 sdi 8:128 failed i/o pending running
func (r *textReader) usualPaths() bool {
	o := &r.open
	if o.group == nil || o.form != FormTree || o.doubt != 0 || o.last == 0 || o.m.Foreign() != "" {
		return false
	}
	outer := byte('|')
	if o.last == '`' {
		outer = ' '
	}
	text, start, end := r.text, r.pos, o.end
	for end != '`' {
		s := text[r.pos:]
		if len(s) < 8 || s[0] != outer || s[1] != ' ' || s[2] != '|' && s[2] != '`' || s[3] != '-' || s[4] != ' ' {
			break
		}
		n := r.usualPath(s[5:])
		if n == 0 {
			break
		}
		end = s[2]
		r.pos += 5 + n
		r.line++
	}
	o.end = end
	return r.pos > start
}

// usualPath reads the words of a path's row and returns how long the line is;
// or 0.
func (r *textReader) usualPath(s string) int {
	address := addressLength(s)
	dev := blanks(s, address)
	devEnd := dev
	for devEnd < len(s) && s[devEnd] > ' ' {
		devEnd++
	}
	devt := blanks(s, devEnd)
	devtEnd := devt + numberLength(s[devt:])
	at := blanks(s, devtEnd)
	if address == 0 || dev == address || devt == devEnd || devtEnd == devt || at == devtEnd {
		return 0
	}
	states, n := r.states.find(s[at:], readStateSpans)
	if n == 0 || at+n > mostSpan || uint(r.pos)+5 >= oddRow {
		return 0
	}
	p := r.batch.row(r.pos, len(r.text))
	p.at = uint32(r.pos + 5)
	w := &p.words // one by one: a whole array would be put together elsewhere and copied
	w[wordHCTL].to = uint8(address)
	w[wordDev] = span{uint8(dev), uint8(devEnd)}
	w[wordDevt] = span{uint8(devt), uint8(devtEnd)}
	w[wordDMState] = states[0].behind(at)
	w[wordCheckState] = states[1].behind(at)
	w[wordDevState] = states[2].behind(at)
	return at + n
}

// usualGroup reads a group's row.
//
//	|-+- policy='service-time 0' prio=50 status=active
func (r *textReader) usualGroup() bool {
	o := &r.open
	s := r.text[r.pos:]
	if o.m == nil || o.form != FormTree || o.doubt != 0 || o.last == '`' {
		return false
	}
	if len(s) < 12 || s[0] == ' ' || s[1:12] != "-+- policy=" {
		return false
	}
	g, n := r.groups.find(s[5:], readTreeGroup)
	if n == 0 {
		return false
	}
	r.line++
	r.pos += 5 + n
	r.addGroup(*g, s[0])
	return true
}

// usualMap reads a header and its properties.
//
//	mpathb (360014055e7…) dm-12 LIO-ORG,TCMU device
//	size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
func (r *textReader) usualMap() bool {
	if len(r.batch.maps) > 0 && !r.named {
		return false
	}
	s := r.text[r.pos:]
	var h header
	n := h.usual(s)
	if n == 0 {
		return false
	}
	made, end := r.makers.find(s[n:], readMaker)
	if end == 0 {
		return false
	}
	p, size := r.sizes.find(s[n+end:], readTreeProperties)
	if size == 0 {
		return false
	}
	r.named = true
	r.line += 2
	r.pos += n + end + size
	r.begin(&h, *made, *p, FormTree)
	return true
}
