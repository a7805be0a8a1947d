package multipath

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// fail keeps the first error and ends the reading.
func (r *jsonReader) fail(cause error, reason string) {
	if r.err == nil {
		r.err = refused(r.line+strings.Count(r.text[:r.pos], "\n"), cause, reason)
	}
	r.pos = len(r.text)
}

// wrong fails at a byte that cannot stand where it stands, or at the end.
func (r *jsonReader) wrong(reason string) {
	if r.pos >= len(r.text) {
		r.fail(ErrTruncated, reason)
		return
	}
	r.fail(nil, reason)
}

// blank passes over white space.
func (r *jsonReader) blank() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// eat takes the byte c, with white space before it, if it comes next.
func (r *jsonReader) eat(c byte) bool {
	r.blank()
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

// object yields the keys of an object. What yield leaves must be behind the
// key's value.
func (r *jsonReader) object(yield func(key string) bool) {
	if !r.eat('{') {
		r.wrong("an object is missing")
		return
	}
	start := r.pos
	if r.eat('}') {
		return
	}
	for {
		key := r.key(start)
		if r.err != nil || !yield(key) || r.err != nil {
			return
		}
		if r.eat('}') {
			return
		}
		if !r.eat(',') {
			r.wrong("an object does not go on and does not end")
			return
		}
		start = r.pos
	}
}

// key reads a key and its colon. What is before the key begins at start.
func (r *jsonReader) key(start int) string {
	r.blank()
	first := strings.IndexByte(r.text[start:r.pos], '\n') >= 0
	if r.pos == len(r.text) || r.text[r.pos] != '"' {
		r.wrong("a key is missing")
		return ""
	}
	key := r.strict()
	r.lined = r.printed && first && strings.HasPrefix(r.text[r.pos:], ` : "`)
	if r.err == nil && !r.eat(':') {
		r.wrong("a key without a value")
	}
	return key
}

// each reads a list by calling item before each of its items.
func (r *jsonReader) each(item func()) {
	if !r.eat('[') {
		r.wrong("a list is missing")
		return
	}
	if r.eat(']') {
		return
	}
	for r.err == nil {
		item()
		if r.err != nil || r.eat(']') {
			return
		}
		if !r.eat(',') {
			r.wrong("a list does not go on and does not end")
		}
	}
}

// string reads the string that is the value of the latest key.
func (r *jsonReader) string() string {
	r.blank()
	if r.pos == len(r.text) || r.text[r.pos] != '"' {
		r.wrong("a string is missing")
		return ""
	}
	if r.lined {
		if s, ok := r.verbatim(); ok {
			return s
		}
	}
	return r.strict()
}

// verbatim reads a string that ends where its line does, whatever is in it.
func (r *jsonReader) verbatim() (string, bool) {
	rest := r.text[r.pos+1:]
	end := strings.IndexByte(rest, '\n')
	if end < 0 {
		r.pos = len(r.text)
		r.fail(ErrTruncated, "a string does not end")
		return "", true
	}
	line := strings.TrimRight(rest[:end], " \t\r")
	line = strings.TrimRight(strings.TrimSuffix(line, ","), " \t")
	s, ok := strings.CutSuffix(line, `"`)
	if ok {
		r.pos += 1 + len(line)
	}
	return s, ok
}

// strict reads a string as JSON has it.
func (r *jsonReader) strict() string {
	start := r.pos + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return r.text[start:i]
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.pos = i
			r.fail(nil, "a string does not end on its line")
			return ""
		}
	}
	r.pos = len(r.text)
	r.fail(ErrTruncated, "a string does not end")
	return ""
}

// escaped is [jsonReader.strict] from the first backslash on.
func (r *jsonReader) escaped(start, i int) string {
	b := []byte(r.text[start:i])
	for i < len(r.text) {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return string(b)
		case c < ' ':
			r.pos = i
			r.fail(nil, "a string does not end on its line")
			return ""
		case c == '\\':
			n, more := unescape(r.text[i:])
			if n == 0 {
				r.pos = i
				r.fail(nil, "an escape that JSON does not have")
				return ""
			}
			b = append(b, more...)
			i += n
		default:
			b = append(b, c)
			i++
		}
	}
	r.pos = len(r.text)
	r.fail(ErrTruncated, "a string does not end")
	return ""
}

// unescape reads the escape that s begins with and returns its length, or 0.
func unescape(s string) (int, string) {
	const plain, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(s) < 2 {
		return 0, ""
	}
	if at := strings.IndexByte(plain, s[1]); at >= 0 {
		return 2, meant[at : at+1]
	}
	c, ok := codeUnit(s)
	if !ok {
		return 0, ""
	}
	if second, ok := codeUnit(s[6:]); ok && utf16.IsSurrogate(c) {
		if both := utf16.DecodeRune(c, second); both != utf8.RuneError {
			return 12, string(both)
		}
	}
	return 6, string(c)
}

// codeUnit reads \u0041.
func codeUnit(s string) (rune, bool) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

// number reads an integer; nil for null, or a number that is none.
func (r *jsonReader) number() *int {
	n, ok := r.integer()
	if !ok {
		return nil
	}
	p := one(&r.batch.numbers, r.pos, len(r.text))
	*p = n
	return p
}

func (r *jsonReader) integer() (n int, ok bool) {
	n, err := strconv.Atoi(r.token())
	if err != nil {
		return 0, false // not what it is cut down to
	}
	return n, true
}

// token reads a number, true, false or null, without its meaning.
func (r *jsonReader) token() string {
	r.blank()
	start := r.pos
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		if !isWord(c) && c != '-' && c != '+' && c != '.' || c == '#' {
			break
		}
		r.pos++
	}
	token := r.text[start:r.pos]
	if !isToken(token) {
		r.wrong("a value is missing")
	}
	return token
}

func isToken(s string) bool {
	switch s {
	case "true", "false", "null":
		return true
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && s[0] != '+' && s[0] != '.'
}

// mostDepth bounds how deep the values are nested that nobody asks for.
const mostDepth = 100

// skip passes over a value.
func (r *jsonReader) skip(depth int) {
	r.blank()
	switch {
	case depth > mostDepth:
		r.fail(nil, "values are nested too deep")
	case r.pos == len(r.text):
		r.wrong("a value is missing")
	case r.text[r.pos] == '"':
		r.string()
	case r.text[r.pos] == '{':
		for range r.object {
			r.skip(depth + 1)
		}
	case r.text[r.pos] == '[':
		r.each(func() { r.lined = false; r.skip(depth + 1) })
	default:
		r.token()
	}
}
