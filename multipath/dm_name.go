package multipath

import (
	"fmt"
	"strings"
)

// libdevmapper gives the kernel names and uuids in which every byte but
// letters, digits and #+-.:=@_ is written \xNN, and undoes it when it prints
// them. The ioctls and sysfs have the written form: map "my map" is "my\x20map".

// mangle returns the form that the kernel has.
func mangle(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; unmangled(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func unmangled(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("#+-.:=@_", c) >= 0
}
