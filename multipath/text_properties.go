package multipath

import "strings"

// properties are what the second line of a map says.
type properties struct {
	size, features, handler, write string
}

// properties reads the line that makes the pending line the header of a map.
func (r *textReader) properties(line string) (bool, error) {
	form, p, ok := parseProperties(line)
	if !ok {
		return false, nil
	}
	h, ok := r.pending.header(form)
	if !ok {
		return true, refused(r.line, nil, "the properties of a map are not preceded by its header")
	}
	if named := h.dm != ""; len(r.batch.maps) == 0 {
		r.named = named
	} else if r.named != named {
		return true, refused(r.pending.no, nil, "a header unlike those before it")
	}
	r.pending = pending{}
	h.storage(h.rest)
	made, has := r.batch.shared(h.maker, p)
	r.begin(&h, made, has, form)
	if r.cut && form == FormTree && !isWrite(p.write) {
		return true, refused(r.line, ErrTruncated, "the last line does not end")
	}
	return true, nil
}

// header reads the pending line as what it is if properties follow. Before
// 0.4.8 a header can be any word.
func (p pending) header(form Form) (header, bool) {
	if p.line == "" {
		return header{}, false
	}
	h, ok := parseHeader(p.line)
	if !ok && form == FormBracket {
		h, ok = parseBare(p.line)
	}
	return h, ok
}

// torn refuses what is left of properties, or of the line that a message was
// printed into: with its header torn as well, the map would be lost unnoticed.
func (r *textReader) torn(line string) error {
	switch {
	case !strings.HasPrefix(line, "size=") && !strings.HasPrefix(line, "[size=") && !strings.Contains(line, "hwhandler="):
		return nil
	case pending{line: line}.isHeader():
		return nil
	}
	return refused(r.line, r.cause(), "the properties of a map are garbled")
}

func parseProperties(line string) (Form, properties, bool) {
	switch {
	case strings.HasPrefix(line, "size="):
		p, ok := parseTreeProperties(line)
		return FormTree, p, ok
	case strings.HasPrefix(line, "[size="):
		p, ok := parseBracketProperties(line)
		return FormBracket, p, ok
	}
	return FormNone, properties{}, false
}

// parseTreeProperties reads the second line of the tree form. In quotes there
// is anything but the quote; some documents have double ones.
//
//	size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
func parseTreeProperties(line string) (p properties, ok bool) {
	p.size, line, ok = strings.Cut(line[len("size="):], " features=")
	if !ok || p.size == "" {
		return p, false
	}
	if p.features, line, ok = unquote(line); !ok {
		return p, false
	}
	if line, ok = strings.CutPrefix(line, " hwhandler="); !ok {
		return p, false
	}
	if p.handler, line, ok = unquote(line); !ok {
		return p, false
	}
	if line = strings.TrimSpace(line); line == "" {
		return p, true
	}
	p.write, ok = strings.CutPrefix(line, "wp=")
	return p, ok && p.write != "" && !strings.Contains(p.write, " ")
}

// unquote cuts 'value' off the front of s.
func unquote(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", s, false
	}
	n := strings.IndexByte(s[1:], s[0])
	if n < 0 {
		return "", s, false
	}
	return s[1 : 1+n], s[2+n:], true
}

// parseBracketProperties reads the second line of the bracket forms. Values may
// be padded, and up to 0.4.7 they are quoted.
//
//	[size=67 GB][features="0"][hwhandler="0"]
//	[size=30G][features=1 queue_if_no_path][hwhandler=1 emc][rw]
func parseBracketProperties(line string) (p properties, ok bool) {
	features, handler := false, false
	for line != "" {
		var word string
		if word, line, ok = unbracket(line); !ok {
			return p, false
		}
		key, value, _ := strings.Cut(word, "=")
		value = strings.TrimSpace(strings.Trim(value, `" `))
		switch key {
		case "size":
			p.size = value
		case "features":
			p.features, features = value, true
		case "hwhandler":
			p.handler, handler = value, true
		case "claimed":
		default:
			p.write = key
		}
	}
	return p, p.size != "" && features && handler && !strings.Contains(p.write, " ")
}

// unbracket cuts "[word]" and the blanks behind it off the front of s.
func unbracket(s string) (word, rest string, ok bool) {
	if s == "" || s[0] != '[' {
		return "", s, false
	}
	word, rest, ok = strings.Cut(s[1:], "]")
	return strings.TrimSpace(word), strings.TrimLeft(rest, " \t"), ok && !strings.Contains(word, "[")
}

func isWrite(s string) bool { return s == "rw" || s == "ro" || s == "undef" }
