package sysfs

import (
	"strconv"
	"strings"
)

// A DevNum is a device number. The zero value stands for none.
type DevNum struct{ Major, Minor uint32 }

// ParseDevNum reads the form of the attribute dev and of mountinfo: "8:128".
func ParseDevNum(s string) (DevNum, error) {
	major, minor, ok := strings.Cut(s, ":")
	a, okA := decimal(major, 32)
	b, okB := decimal(minor, 32)
	if !ok || !okA || !okB {
		return DevNum{}, badText("device number", s)
	}
	return DevNum{Major: uint32(a), Minor: uint32(b)}, nil
}

// String returns the form that [ParseDevNum] reads.
func (d DevNum) String() string {
	return strconv.FormatUint(uint64(d.Major), 10) + ":" + strconv.FormatUint(uint64(d.Minor), 10)
}

// IsZero reports whether d stands for no device.
func (d DevNum) IsZero() bool { return d == DevNum{} }

// MarshalText writes d as [DevNum.String] does.
func (d DevNum) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [DevNum.MarshalText] writes.
func (d *DevNum) UnmarshalText(text []byte) error {
	v, err := ParseDevNum(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// devNumOf splits the dev_t that stat(2) fills in on Linux:
//
//	63       44 43    32 31      20 19     8 7     0
//	[major hi  ][ 0     ][minor hi ][major lo][minor lo]
func devNumOf(rdev uint64) DevNum {
	return DevNum{
		Major: uint32(rdev>>8&0xfff | rdev>>32&^0xfff),
		Minor: uint32(rdev&0xff | rdev>>12&^0xff),
	}
}

// decimal reads a number as the kernel prints one: digits alone, no sign, no
// leading zero. So what was read is printed as it was.
func decimal(s string, bits int) (uint64, bool) {
	if s == "" || s[0] == '+' || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, bits)
	return n, err == nil
}
