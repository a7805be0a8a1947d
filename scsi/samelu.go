package scsi

import "bytes"

// SameLU compares the designators of two LUs, say those that sysfs caches with
// live ones: whether they name the same LU, and whether that is sure.
//
// Only those count that name the LU itself; the target's ports differ between
// paths. The strongest kind that both have decides: NAA, EUI-64, SCSI name, T10
// vendor ID, and only then what is merely local (NAA 3, vendor specific, MD5).
// One identifier of that kind in common makes them the same.
//
// sure is false, and then same decides nothing, where both have no kind in
// common, or only a local one. So it is for a LUN without a device behind it,
// which has no name of its own: that is for the peripheral qualifier to say.
func SameLU(a, b []Designator) (same, sure bool) {
	a, b = ofLU(a), ofLU(b)
	for _, s := range []strength{strongNAA, strongEUI, strongName, strongT10, local} {
		as, bs := s.of(a), s.of(b)
		if len(as) > 0 && len(bs) > 0 {
			return common(as, bs), s != local
		}
	}
	return false, false
}

// A strength says how much a designator proves.
type strength int

const (
	nothing strength = iota // names a group, a port, or nothing that is known
	local
	strongT10
	strongName
	strongEUI
	strongNAA
)

func (d Designator) strength() strength {
	switch d.Kind {
	case KindNAA:
		if d.naa() == 3 { // locally assigned
			return local
		}
		return strongNAA
	case KindEUI64:
		return strongEUI
	case KindName:
		return strongName
	case KindT10:
		return strongT10
	case KindVendor, KindMD5:
		return local
	}
	return nothing
}

// of are the designators of this strength.
func (s strength) of(ds []Designator) []Designator {
	var out []Designator
	for _, d := range ds {
		if d.strength() == s {
			out = append(out, d)
		}
	}
	return out
}

// common reports whether one identifier is in both lists.
func common(a, b []Designator) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Kind == y.Kind && x.CodeSet == y.CodeSet && bytes.Equal(x.ID, y.ID) {
				return true
			}
		}
	}
	return false
}
