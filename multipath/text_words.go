package multipath

import "strings"

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

// tree reads the words of a path's row in the tree form.
//
//	39:0:0:1 sdi 8:128 failed i/o pending running
func (p *pathWords) tree(s string) bool {
	hctl, i := word(s, 0)
	dev, i := word(s, i)
	devt, i := word(s, i)
	if !isDevt(devt) {
		return p.treeWithout(s)
	}
	states, ok := readStates(s[i:])
	if !ok || !isHCTL(hctl) {
		return false
	}
	p.HCTL, p.Dev, p.Devt = hctl, dev, devt
	p.DMState, p.CheckState, p.DevState = states.dm, states.checked, states.dev
	return true
}

// states are what the kernel, the checker and sysfs say of a path.
type states struct{ dm, checked, dev string }

// readStates reads the end of a path's row in the tree form. The checker's
// state can be two words.
func readStates(s string) (t states, ok bool) {
	dm, i := word(s, 0)
	checked, i := word(s, i)
	dev, i := word(s, i)
	if checked == "i/o" {
		if checked = twoWords(dev); checked == "" {
			return t, false
		}
		dev, i = word(s, i)
	}
	if end, _ := word(s, i); end != "" || !isState(dm) || !isState(checked) || !isState(dev) {
		return t, false
	}
	return states{dm: dm, checked: checked, dev: dev}, true
}

// isState tells a state, whichever, from what a message left in its place.
func isState(s string) bool {
	for i := range len(s) {
		if c := s[i]; c|0x20-'a' >= 26 && c != '-' {
			return strings.HasPrefix(s, "i/o ") && twoWords(s[len("i/o "):]) != ""
		}
	}
	return s != ""
}

// treeWithout reads a row of the tree form whose device has no name.
func (p *pathWords) treeWithout(s string) bool {
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
func (p *pathWords) foreign(s string) bool {
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
func (p *pathWords) bracket(s string) bool {
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
	return ok && rest == "" && isState(dm) && (p.CheckState == "" || isState(p.CheckState))
}

// some reads no more than the address and the device of a row whose rest is
// garbled. A number that ends the row may have lost digits, and would then be
// another device's.
func (p *pathWords) some(s string) bool {
	var w [10]string
	*p = pathWords{}
	n := cutWords(s, &w)
	placed := p.place(&w, n)
	return placed > 0 && placed < n
}

// place takes the address, the name and the number of the device from the
// first words and returns how many words that were; or 0. Up to 0.4.6 the name
// of a vanished device is blank.
func (p *pathWords) place(w *[10]string, n int) int {
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
func (p *pathWords) ends(form Form) bool {
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
