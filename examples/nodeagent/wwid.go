package main

import (
	"strings"

	"github.com/lunsweep/lunsweep/scsi"
)

// wwidsOf turns a WWID as drivers write it ("naa.6001…", "0x6001…", "6001…") into
// the form that multipath prints, which is the one that the library asks by. What
// is no name of an LU stays as it is; "" is none.
func wwidsOf(s string) []string {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil
	}
	if n, err := scsi.ParseName(s); err == nil {
		return []string{n.WWID()}
	}
	return []string{s}
}
