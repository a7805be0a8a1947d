package sysfs

import (
	"cmp"
	"fmt"
	"strings"
)

// An HCTL is the address that Linux gives a SCSI device: host, channel, target
// and LUN, the LUN in the integer form of scsilun_to_int. A host number is
// counted up and never used twice in one boot; the rest is, so the address
// alone is no identity.
type HCTL struct {
	Host, Channel, Target int
	LUN                   uint64
}

// ParseHCTL reads "39:0:0:1", the name of a device in /sys/bus/scsi/devices.
func ParseHCTL(s string) (HCTL, error) {
	part := strings.Split(s, ":")
	if len(part) != 4 {
		return HCTL{}, badText("SCSI address", s)
	}
	var n [4]uint64
	for i, bits := range [4]int{31, 31, 31, 64} {
		var ok bool
		if n[i], ok = decimal(part[i], bits); !ok {
			return HCTL{}, badText("SCSI address", s)
		}
	}
	return HCTL{Host: int(n[0]), Channel: int(n[1]), Target: int(n[2]), LUN: n[3]}, nil
}

// String returns the form that [ParseHCTL] reads.
func (h HCTL) String() string {
	return fmt.Sprintf("%d:%d:%d:%d", h.Host, h.Channel, h.Target, h.LUN)
}

// SameTarget reports whether h and o are LUNs of one target on one host.
func (h HCTL) SameTarget(o HCTL) bool {
	return h.Host == o.Host && h.Channel == o.Channel && h.Target == o.Target
}

// Compare orders addresses by host, channel, target and LUN, as numbers.
func (h HCTL) Compare(o HCTL) int {
	return cmp.Or(cmp.Compare(h.Host, o.Host), cmp.Compare(h.Channel, o.Channel),
		cmp.Compare(h.Target, o.Target), cmp.Compare(h.LUN, o.LUN))
}

// MarshalText writes h as [HCTL.String] does.
func (h HCTL) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what [HCTL.MarshalText] writes.
func (h *HCTL) UnmarshalText(text []byte) error {
	v, err := ParseHCTL(string(text))
	if err != nil {
		return err
	}
	*h = v
	return nil
}
