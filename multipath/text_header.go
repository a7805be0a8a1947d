package multipath

import (
	"slices"
	"strings"
)

// A header is what the first line of a map says.
type header struct {
	name, wwid, dm string
	maker

	paren bool   // the WWID stood in parentheses
	rest  string // vendor,product as printed
}

// parseHeader reads a header that names the device, which is what it is
// anchored on: names, WWIDs and products may hold spaces.
//
//	[action ": "] name [" (" wwid ")"] " " ("dm-" N | "undef") [" " vendor "," product]
//	[action ": "] wwid "dm-" N " " vendor "," product                      glued: 0.4.8
//	name [" (" wwid ")"] " [nvme]:" node " " vendor "," model "," firmware  native NVMe
func parseHeader(line string) (h header, ok bool) {
	h.action, line = cutAction(line)
	if at := foreign(line); at > 0 {
		return h, h.subsystem(line, at)
	}
	start, end := anchor(line)
	if end == 0 {
		return h, false
	}
	h.dm, h.rest = line[start:end], line[end:]
	h.identify(line[:start])
	return h, h.named() && !h.isTable()
}

// named reports whether there is a name, and one that is no rest of a torn line:
// the end of "alias (wwid)" alone, or a row that a header was printed into.
func (h *header) named() bool {
	switch {
	case h.name == "" || strings.IndexByte("(|`\\", h.name[0]) >= 0:
		return false
	case h.paren || h.name[len(h.name)-1] != ')':
		return true
	}
	return strings.Count(h.name, "(") >= strings.Count(h.name, ")")
}

// isTable tells the rows of tables that name a device from headers: "NAME dm-0
// UUID" of show maps, and those of paths, which have a SCSI address.
func (h *header) isTable() bool {
	if !h.paren && strings.TrimSpace(h.rest) != "" && strings.IndexByte(h.rest, ',') < 0 {
		return true
	}
	if strings.IndexByte(h.name, ':') < 0 {
		return false
	}
	return slices.ContainsFunc(strings.Fields(h.name), isHCTL)
}

// parseBare reads a header without a device, which is a header only because
// bracket properties follow it.
//
//	[action ": "] name
//	[action ": "] name " (" [wwid] ")" ["  " vendor "," product]
//	wwid vendor "," product               glued: SLES 10, 33 or 17 digits
func parseBare(line string) (h header, ok bool) {
	h.action, line = cutAction(line)
	if _, end := device(line, 0); end > 0 {
		return h, false // one that parseHeader refuses
	}
	if at := strings.LastIndex(line, ") "); at > 0 && strings.Contains(line[at:], ",") {
		h.rest, line = line[at+1:], line[:at+1]
	} else if n := gluedVendor(line); n > 0 {
		h.rest, line = line[n:], line[:n]
	}
	h.identify(line)
	if _, end := anchor(h.name); end > 0 {
		return h, false
	}
	return h, h.named() && (h.paren || h.rest != "" || isName(h.name))
}

// actions are the words that can stand before a header; "" is printed for those
// that multipath has no word for.
var actions = [...]string{"", "create", "reload", "reject", "rename", "resize", "switchpg"}

// cutAction splits "reload: mpatha" into "reload" and "mpatha".
func cutAction(line string) (action, rest string) {
	at := strings.Index(line, ": ")
	if at < 0 || at > len("switchpg") {
		return "", line
	}
	for _, a := range actions {
		if line[:at] == a {
			return a, strings.TrimLeft(line[at+2:], " ")
		}
	}
	return "", line
}

// identify reads "alias (wwid)", "alias ()" or "wwid".
func (h *header) identify(s string) {
	s = strings.TrimSpace(s)
	h.name, h.wwid = s, s
	if !strings.HasSuffix(s, ")") {
		return
	}
	if at := opening(s); at > 0 {
		h.paren = true
		h.name, h.wwid = strings.TrimSpace(s[:at]), s[at+2:len(s)-1]
	}
}

// opening returns where the " (" is that the last byte of s closes; or 0.
func opening(s string) int {
	depth := 0
	for i := len(s) - 1; i > 0; i-- {
		switch s[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 && s[i-1] == ' ' {
				return i - 1
			}
		}
	}
	return 0
}

// A maker is what a header says beside the names of the map.
type maker struct{ vendor, product, action, foreign string }

// storage reads "vendor,product": at the first comma, for only products have
// any.
func (m *maker) storage(s string) {
	vendor, product, _ := strings.Cut(s, ",")
	m.vendor, m.product = strings.TrimSpace(vendor), strings.TrimSpace(product)
}

// anchor returns where the device stands in a header; nowhere if there are two,
// which is a header that runs into the next one: it would show the paths of one
// map under the name of the other. Only an alias may hold " dm-3 ", too.
func anchor(line string) (start, end int) {
	for {
		s, e := device(line, end)
		switch {
		case e == 0 && end == 0:
			return glued(line)
		case e == 0:
			return start, end
		case end > 0 && (closed(line, start) || !closed(line, s) || strings.IndexByte(line[end:s], ',') >= 0):
			return 0, 0
		}
		start, end = s, e
	}
}

// closed reports whether the device at start stands behind "(wwid)".
func closed(line string, start int) bool { return start > 1 && line[start-2] == ')' }

// device finds " dm-N" or " undef", as a word, at or behind offset i.
func device(line string, i int) (start, end int) {
	for ; ; i++ {
		n := strings.IndexByte(line[i:], ' ')
		if n < 0 {
			return 0, 0
		}
		i += n
		word := line[i+1:]
		size := deviceName(word)
		if strings.HasPrefix(word, "undef") {
			size = len("undef")
		}
		if size > 0 && (size == len(word) || word[size] == ' ') {
			return i + 1, i + 1 + size
		}
	}
}

// shortestWWID is what a WWID has at least if it names an NAA identifier.
const shortestWWID = 17

// glued finds the dm-N that 0.4.8 prints right behind a WWID. An alias that
// ends like one is short and has no vendor behind it.
func glued(line string) (start, end int) {
	for i := 1; i < len(line); i++ {
		n := strings.Index(line[i:], "dm-")
		if n < 0 {
			return 0, 0
		}
		i += n
		size := deviceName(line[i:])
		rest := line[i+size:]
		if size > 0 && (strings.HasPrefix(rest, " ") || rest == "" && i >= shortestWWID) {
			return i, i + size
		}
	}
	return 0, 0
}

// deviceName returns how long the "dm-N" is that s begins with; or 0.
func deviceName(s string) int {
	if !strings.HasPrefix(s, "dm-") {
		return 0
	}
	n := len("dm-")
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == len("dm-") {
		return 0
	}
	return n
}

// foreign returns where the " [nvme]:" of a native NVMe subsystem stands; or 0.
func foreign(line string) int {
	end := strings.Index(line, "]:")
	if end < 0 {
		return 0
	}
	at := strings.LastIndex(line[:end], " [")
	if at <= 0 || at+2 == end || strings.Trim(line[at+2:end], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return 0
	}
	return at
}

// subsystem reads the header of a native NVMe subsystem.
func (h *header) subsystem(line string, at int) bool {
	h.identify(line[:at])
	kind, rest, _ := strings.Cut(line[at+2:], "]:")
	h.foreign = kind
	h.dm, h.rest, _ = strings.Cut(rest, " ")
	return h.dm != "" && h.name != ""
}

// gluedVendor returns where the vendor begins that follows a WWID without a
// space: WWIDs that name an NAA identifier have 33 or 17 digits.
func gluedVendor(line string) int {
	for _, n := range [...]int{33, 17} {
		if len(line) > n && strings.Contains(line[n:], ",") && isHex(line[:n]) && !isHex(line[n:n+1]) {
			return n
		}
	}
	return 0
}

// isName reports whether s, without more, can be the name of a map: one word,
// or a T10 WWID, which is padded with runs of spaces.
func isName(s string) bool {
	if strings.ContainsAny(s, ",/=()[]<>|\"'") || strings.HasSuffix(s, ":") {
		return false
	}
	return s != "" && (!strings.Contains(s, " ") || s[0] == '1' && strings.Contains(s, "  "))
}
