package multipath

import (
	"strconv"
	"strings"
)

// cutWords cuts s at its blanks into w and returns how many there are; one more
// than fit is as many as fit.
func cutWords(s string, w *[10]string) int {
	n, i := 0, 0
	for n < len(w) {
		for i < len(s) && s[i] <= ' ' {
			i++
		}
		if i == len(s) {
			break
		}
		start := i
		for i < len(s) && s[i] > ' ' {
			i++
		}
		w[n] = s[start:i]
		n++
	}
	return n
}

// tree reads the words of a path's row in the tree form. The checker's state
// can be two words. Most lines of most texts come through here, so that it
// makes one pass and keeps nothing but the words.
//
//	39:0:0:1 sdi 8:128 failed i/o pending running
func (p *Path) tree(s string) bool {
	hctl, i := word(s, 0)
	dev, i := word(s, i)
	devt, i := word(s, i)
	if !isDevt(devt) {
		return p.treeWithout(s)
	}
	dm, i := word(s, i)
	checked, i := word(s, i)
	state, i := word(s, i)
	if checked == "i/o" {
		if checked = twoWords(state); checked == "" {
			return false
		}
		state, i = word(s, i)
	}
	if end, _ := word(s, i); end != "" || state == "" || !isHCTL(hctl) || dm[0] == '[' {
		return false
	}
	p.HCTL, p.Dev, p.Devt = hctl, dev, devt
	p.DMState, p.CheckState, p.DevState = dm, checked, state
	return true
}

// treeWithout reads a row of the tree form whose device has no name.
func (p *Path) treeWithout(s string) bool {
	hctl, i := word(s, 0)
	devt, i := word(s, i)
	if !isDevt(devt) || !isHCTL(hctl) || !p.tree(hctl+" - "+s[i-len(devt):]) {
		return false
	}
	p.Dev = ""
	return true
}

// word returns the next word of s at or behind offset i, and its end.
func word(s string, i int) (string, int) {
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	start := i
	for i < len(s) && s[i] > ' ' {
		i++
	}
	return s[start:i], i
}

// twoWords completes the checker's states that begin with "i/o".
func twoWords(second string) string {
	switch second {
	case "pending":
		return "i/o pending"
	case "timeout":
		return "i/o timeout"
	}
	return ""
}

// foreign reads the words of a native NVMe path's row.
//
//	0:1:1 nvme0c1n1 259:3 n/a optimized deleting (no IO)
func (p *Path) foreign(s string) bool {
	var w [10]string
	n := cutWords(s, &w)
	states := p.place(&w, n)
	if states == 0 || n < states+3 || n == len(w) {
		return false
	}
	p.DMState, p.CheckState = w[states], w[states+1]
	p.DevState = strings.Join(w[states+2:n], " ")
	return true
}

// bracket reads the words of a path's row in the bracket forms. The oldest have
// one state only.
//
//	2:0:0:1 sdb 8:16 [active][ready]
func (p *Path) bracket(s string) bool {
	at := strings.IndexByte(s, '[')
	if at < 0 {
		return false
	}
	var w [10]string
	n := cutWords(s[:at], &w)
	if states := p.place(&w, n); states == 0 || states != n {
		return false
	}
	dm, rest, ok := unbracket(s[at:])
	if ok && rest != "" {
		p.CheckState, rest, ok = unbracket(rest)
	}
	p.DMState = dm
	return ok && rest == "" && dm != ""
}

// some reads no more than the address and the device of a row whose rest is
// garbled.
func (p *Path) some(s string) bool {
	var w [10]string
	*p = Path{}
	return p.place(&w, cutWords(s, &w)) != 0
}

// place takes the address, the name and the number of the device from the
// first words and returns how many words that were; or 0. Up to 0.4.6 the name
// of a vanished device is blank.
func (p *Path) place(w *[10]string, n int) int {
	switch {
	case n >= 3 && isDevt(w[2]) && isHCTL(w[0]):
		p.HCTL, p.Dev, p.Devt = w[0], w[1], w[2]
		return 3
	case n >= 2 && isDevt(w[1]) && isHCTL(w[0]):
		p.HCTL, p.Devt = w[0], w[1]
		return 2
	}
	return 0
}

// ends reports whether the row is complete though it has no newline.
func (p *Path) ends(form Form) bool {
	if form == FormBracket {
		return p.CheckState != ""
	}
	switch p.DevState {
	case "running", "offline", "unknown", "live":
		return true
	}
	return false
}

// isDevt recognises "8:128" and "#:#".
func isDevt(s string) bool {
	n := digits(s)
	if n == 0 {
		return s == "#:#"
	}
	return n+1 < len(s) && s[n] == ':' && n+1+digits(s[n+1:]) == len(s)
}

// isHCTL recognises SCSI addresses of four numbers, "#:#:#:#", and those of
// NVMe, which can have three. The last number was signed up to 0.8.6.
func isHCTL(s string) bool {
	colons, begin := 0, true // begin: a number begins here
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			begin = false
		case c == ':' && !begin:
			colons++
			begin = true
		case c == '-' && begin && i+1 < len(s) && colons > 0:
		default:
			return s == "#:#:#:#"
		}
	}
	return !begin && (colons == 3 || colons == 2)
}

// startsHCTL reports whether the first word of s is an address.
func startsHCTL(s string) bool {
	if s == "" || s[0] != '#' && !isDigit(s[0]) {
		return false
	}
	n := strings.IndexAny(s, " \t")
	return n > 0 && isHCTL(s[:n])
}

// parseTreeGroup reads policy='service-time 0' prio=50 status=active.
func parseTreeGroup(s string, b *batch) (g Group, ok bool) {
	if g.Policy, s, ok = unquote(s[len("policy="):]); !ok {
		return g, false
	}
	for w, i := word(s, 0); w != ""; w, i = word(s, i) {
		if value, ok := strings.CutPrefix(w, "status="); ok {
			g.Status = value
		} else if value, ok := strings.CutPrefix(w, "prio="); ok {
			g.Prio = prio(value, b)
		} else {
			return g, false
		}
	}
	return g, true
}

// parseBracketGroup reads round-robin 0 [prio=2][active]. Either bracket can be
// missing, and versions up to 0.4.4 add more.
func parseBracketGroup(s string, b *batch) (g Group, ok bool) {
	at := strings.IndexByte(s, '[')
	if at < 0 {
		at = len(s)
	}
	g.Policy = strings.TrimSpace(s[:at])
	name, args, ok := strings.Cut(g.Policy, " ")
	if !ok || digits(args) == 0 || isDigit(name[0]) || strings.Contains(name, ":") {
		return g, false
	}
	for s = s[at:]; s != ""; {
		var word string
		if word, s, ok = unbracket(s); !ok {
			return g, false
		}
		if value, found := strings.CutPrefix(word, "prio="); found {
			g.Prio = prio(value, b)
		} else if g.Status == "" {
			g.Status = word
		}
	}
	return g, true
}

// prio keeps a priority; "n/a" is none.
func prio(s string, b *batch) *int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return b.number(n)
}
