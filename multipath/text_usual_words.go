package multipath

import (
	"strings"
	"unicode"
)

// A memo holds the latest few ends of lines that were read, newline included,
// and what they mean, which depends on nothing but their bytes.
type memo[T any] struct {
	known [4]struct {
		end   string
		value T
	}
	next int
}

// find returns what the line that s begins with means, and its length with the
// newline; or 0 where it is the last, or read does not take it.
func (m *memo[T]) find(s string, read func(line string) (T, bool)) (*T, int) {
	for i := range m.known {
		k := &m.known[i]
		if len(k.end) > 0 && strings.HasPrefix(s, k.end) {
			return &k.value, len(k.end)
		}
	}
	return m.learn(s, read)
}

func (m *memo[T]) learn(s string, read func(line string) (T, bool)) (*T, int) {
	n := strings.IndexByte(s, '\n')
	if n < 0 || strings.IndexByte(s[:n], escape[0]) >= 0 {
		return nil, 0
	}
	value, ok := read(s[:n])
	if !ok {
		return nil, 0
	}
	k := &m.known[m.next]
	m.next = (m.next + 1) % len(m.known)
	k.end, k.value = s[:n+1], value
	return &k.value, n + 1
}

// usual reads a header up to the device, where the name is one plain word and
// so is the WWID, if there is one. It returns how long that is; or 0.
//
//	name [" (" wwid ")"] " dm-" N
func (h *header) usual(s string) int {
	n := plainLength(s)
	h.name, h.wwid = s[:n], s[:n]
	if strings.HasPrefix(s[n:], " (") {
		start := n + 2
		n = start + plainLength(s[start:])
		if n == start || n == len(s) || s[n] != ')' {
			return 0
		}
		h.wwid = s[start:n]
		n++
	}
	if h.name == "" || n == len(s) || s[n] != ' ' {
		return 0
	}
	n++
	size := deviceName(s[n:])
	if size == 0 || n+size == len(s) || s[n+size] != ' ' && s[n+size] != '\n' {
		return 0
	}
	h.dm = s[n : n+size]
	return n + size
}

// plainLength returns how many letters, digits, and signs that mean nothing in
// a header s begins with.
func plainLength(s string) int {
	n := 0
	for n < len(s) && plainSigns[s[n]] {
		n++
	}
	return n
}

// plainSigns are looked up, for digits and letters change too often in a WWID for a
// processor to foresee them.
var plainSigns = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-." {
		t[c] = true
	}
	return t
}()

// readMaker reads what follows the device in a header. It leaves what could
// make the whole line mean something else.
func readMaker(s string) (*maker, bool) {
	if strings.ContainsAny(s, ")]=") || strings.IndexByte(s, ',') < 0 && strings.TrimSpace(s) != "" {
		return nil, false
	}
	if _, end := device(s, 0); end > 0 {
		return nil, false
	}
	var m maker
	m.storage(s)
	return &m, true
}

func readTreeProperties(line string) (*properties, bool) {
	if !strings.HasPrefix(line, "size=") {
		return nil, false
	}
	p, ok := parseTreeProperties(strings.TrimSpace(line))
	return &p, ok
}

// readStateSpans tells where the states stand that end a path's row.
func readStateSpans(line string) (at [3]span, ok bool) {
	t, ok := readStates(strings.TrimRightFunc(line, unicode.IsSpace))
	if !ok || len(line) > mostSpan {
		return at, false
	}
	end := 0
	for i, word := range [...]string{t.dm, t.checked, t.dev} {
		n := strings.Index(line[end:], word)
		if n < 0 {
			return at, false // "i/o" and "pending" further apart than by one blank
		}
		at[i] = span{from: uint8(end + n), to: uint8(end + n + len(word))}
		end += n + len(word)
	}
	return at, true
}

// behind moves a span. What it is in is no longer than [mostSpan].
func (s span) behind(n int) span { return span{from: s.from + uint8(n), to: s.to + uint8(n)} }

func readTreeGroup(body string) (*groupRow, bool) {
	g, ok := parseTreeGroup(strings.TrimSpace(body))
	return &g, ok
}

// addressLength returns how long the SCSI address is that s begins with, of
// four numbers or of none; or 0.
func addressLength(s string) int {
	colons, begin := 0, 0 // begin: of the latest number
	for n := range len(s) {
		c := s[n]
		if isDigit(c) {
			continue
		}
		if c == ' ' && colons == 3 && n > begin {
			return n
		}
		if c == '-' && colons == 3 && n == begin {
			begin++ // LUNs were signed up to 0.8.6
			continue
		}
		if c != ':' || n == begin {
			break
		}
		colons, begin = colons+1, n+1
	}
	return unknownLength(s, "#:#:#:#")
}

// numberLength returns how long the device number is that s begins with; or 0.
func numberLength(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == 0 || n == len(s) || s[n] != ':' {
		return unknownLength(s, "#:#")
	}
	n++
	major := n
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == major {
		return 0
	}
	return n
}

func unknownLength(s, unknown string) int {
	if strings.HasPrefix(s, unknown) {
		return len(unknown)
	}
	return 0
}

// blanks returns where the first word of s at or behind offset i begins.
func blanks(s string, i int) int {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}
