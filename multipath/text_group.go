package multipath

import (
	"strconv"
	"strings"
)

// A groupRow is what the row of a group says.
type groupRow struct {
	policy, status string

	prio  int
	rated bool // there is a priority
}

// parseTreeGroup reads policy='service-time 0' prio=50 status=active.
func parseTreeGroup(s string) (g groupRow, ok bool) {
	if g.policy, s, ok = unquote(s[len("policy="):]); !ok {
		return g, false
	}
	for w, i := word(s, 0); w != ""; w, i = word(s, i) {
		if value, ok := strings.CutPrefix(w, "status="); ok {
			g.status = value
		} else if value, ok := strings.CutPrefix(w, "prio="); ok {
			g.rate(value)
		} else {
			return g, false
		}
	}
	return g, true
}

// parseBracketGroup reads round-robin 0 [prio=2][active]. Either bracket can be
// missing, and versions up to 0.4.4 add more.
func parseBracketGroup(s string) (g groupRow, ok bool) {
	at := strings.IndexByte(s, '[')
	if at < 0 {
		at = len(s)
	}
	g.policy = strings.TrimSpace(s[:at])
	name, args, ok := strings.Cut(g.policy, " ")
	if !ok || digits(args) == 0 || isDigit(name[0]) || strings.Contains(name, ":") {
		return g, false
	}
	for s = s[at:]; s != ""; {
		var word string
		if word, s, ok = unbracket(s); !ok {
			return g, false
		}
		if value, found := strings.CutPrefix(word, "prio="); found {
			g.rate(value)
		} else if g.status == "" {
			g.status = word
		}
	}
	return g, true
}

// rate keeps a priority; "n/a" is none.
func (g *groupRow) rate(s string) {
	n, err := strconv.Atoi(s)
	if g.rated = err == nil; !g.rated {
		n = 0
	}
	g.prio = n
}
