package diskbyid

import "strings"

// Misleading returns the links that claim one identity and lead to a device that
// has another. identityOf tells the WWID of a device by its kernel name, of a
// partition that of its disk, "" where it is not known.
//
// A disk has identities of several kinds, and links for each. So only like is
// compared with like: an NAA designator with one of the same type and length, an
// EUI-64 with one of the same length, anything else with one of the same kind. A
// link that cannot be compared, or that dangles, does not mislead.
func Misleading(links []Link, identityOf func(dev string) string) []Link {
	var out []Link
	for _, l := range links {
		if l.Dangling {
			continue
		}
		claimed, ok := Identity(l.Name)
		if ok && contradict(claimed, identityOf(l.Dev)) {
			out = append(out, l)
		}
	}
	return out
}

// contradict reports whether a and b cannot both be WWIDs of one disk.
func contradict(a, b string) bool {
	if len(a) < 2 || len(b) < 2 || a[0] != b[0] || mangle(a) == mangle(b) {
		return false
	}
	switch a[0] {
	case '3':
		return len(a) == len(b) && a[1] == b[1]
	case '2':
		return len(a) == len(b)
	case '1', '8', 'S':
		return true
	}
	return false // vendor specific, of which a disk may have many, and what is no SCSI
}

// mangle leaves of a WWID what every writing of it has in common: some underscores in a
// link's name were blanks, or runs of them, and it cannot be told which.
func mangle(wwid string) string {
	return strings.Join(strings.FieldsFunc(wwid, func(r rune) bool { return r == ' ' || r == '_' }), "_")
}
