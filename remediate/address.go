package remediate

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// An Address is where a volume is to appear: a LUN of a target, whichever
// sessions or ports lead there.
type Address struct {
	// Target is an iSCSI name ("iqn.…", "eui.…", "naa.…"), the port name of
	// an FC target or the address of a SAS one ("0x500a098188f7f0a1", colons
	// allowed), or host:channel:target ("39:0:0") where the kernel's own
	// numbers are all there is. An array has several ports: each is a
	// target of its own.
	Target string
	// LUN is the number as arrays count, or as the kernel has it, who adds
	// 4000h to a LUN in flat space addressing: either form finds the other.
	LUN uint64
}

func (a Address) String() string { return fmt.Sprintf("LUN %d of %s", a.LUN, a.Target) }

// flat is what the kernel's number of a LUN has in flat space addressing
// (SAM-5, 4.7.7.3).
const flat = 0x4000

func (a Address) lun(n uint64) bool { return sameLUN(a.LUN, n) }

// sameLUN reports whether two numbers are of one LUN, in whichever of the two
// forms each is.
func sameLUN(a, b uint64) bool { return a == b || a < flat && a|flat == b || b < flat && b|flat == a }

// lists reports whether an inventory has a LUN. An array may list in another form
// than the one in which the kernel found it: that is no absence.
func lists(luns []uint64, lun uint64) bool {
	return slices.ContainsFunc(luns, func(l uint64) bool { return sameLUN(l, lun) })
}

// A place is an address that has been understood.
type place struct {
	Address
	iscsi  string  // an iSCSI name
	port   uint64  // a port name or SAS address, 0 where it is none
	target *target // host, channel and target
}

func (a Address) parse() (place, error) {
	p := place{Address: a}
	lower := strings.ToLower(a.Target)
	switch {
	case strings.HasPrefix(lower, "iqn.") || strings.HasPrefix(lower, "eui.") || strings.HasPrefix(lower, "naa."):
		p.iscsi = a.Target
		return p, nil
	case strings.Count(lower, ":") == 2:
		if h, err := sysfs.ParseHCTL(lower + ":0"); err == nil {
			t := targetOf(h)
			p.target = &t
			return p, nil
		}
	default:
		var ok bool
		if p.port, ok = portName(lower); ok {
			return p, nil
		}
	}
	return place{}, opError("understand the target", strconv.Quote(a.Target), fs.ErrInvalid)
}

// portName reads 64 bits in hex digits: "0x500a0981…", "50:0a:09:81:…", or bare.
func portName(s string) (uint64, bool) {
	digits := strings.ReplaceAll(strings.TrimPrefix(s, "0x"), ":", "")
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil && len(digits) == 16 && n != 0
}

// has reports whether a SCSI device is at the place. Where that cannot be told
// it is an error: nobody may take the place for free.
func (p place) has(ctx context.Context, tree *sysfs.FS, h sysfs.HCTL) (bool, error) {
	if !p.lun(h.LUN) {
		return false, nil
	}
	if p.target != nil {
		return *p.target == targetOf(h), nil
	}
	t, err := tree.Transport(ctx, h)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // it went in this very moment
	case err != nil:
		return false, opError("tell which target leads to", h.String(), err)
	case !p.carries(t.Kind):
		return false, nil
	case t.Target == "":
		return false, opError("tell which target leads to", h.String(), errors.Errorf("%s %s does not name it", t.Kind, t.Name))
	case p.iscsi != "":
		return strings.EqualFold(t.Target, p.iscsi), nil
	}
	port, ok := portName(strings.ToLower(t.Target))
	return ok && port == p.port, nil
}

// carries reports whether a target with such a name may be behind a transport.
func (p place) carries(k sysfs.TransportKind) bool {
	if p.iscsi != "" {
		return k == sysfs.TransportISCSI
	}
	return k == sysfs.TransportFC || k == sysfs.TransportSAS
}
