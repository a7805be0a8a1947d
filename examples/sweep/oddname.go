package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/scsi"
)

// shortNAA is a NAA 5 name with its 3 in front and its last digit lost, which
// could be a NAA 3 name without.
var shortNAA = regexp.MustCompile(`^3[0-9a-fA-F]{15}$`)

var hexName = regexp.MustCompile(`(?i)^\s*(0x|wwn-0x|naa\.|eui\.|[2356])[0-9a-f]+\s*$`)

// odd reports whether a name is like a WWID of hex digits, and of a length that
// no WWID has: it is cut short, or a digit too long.
func odd(name string) bool {
	_, err := scsi.ParseName(name)
	return err != nil && hexName.MatchString(name) || shortNAA.MatchString(name)
}

// odd are the names on the command line that are odd.
func (c *config) odd() []string {
	names := slices.Concat(c.args, c.detached)
	for _, sel := range c.own {
		if sel.kind == "wwid" && !isGlob(sel.value) {
			names = append(names, sel.value)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return !odd(n) })
}

// checkOdd refuses an odd name that nothing on the host bears. A name that is
// cut short is found nowhere, which would be taken for "gone", and a -own with
// "!" in front would exclude nothing.
func (s *session) checkOdd(ctx context.Context, sw *remediate.Sweeper) error {
	var targets []remediate.Target
	for _, name := range s.odd() {
		targets = append(targets, remediate.Target{WWID: name})
	}
	if len(targets) == 0 {
		return nil
	}
	found, err := sw.Verify(ctx, targets...)
	for _, v := range found {
		if v.Gone {
			return &usageError{s.command, fmt.Sprintf("%q is no whole WWID (3 and 16 or 32 digits), and nothing here is called so: is it cut short?", v.WWID)}
		}
	}
	if found != nil {
		return nil
	}
	return errors.WithMessage(err, "look for the WWIDs of the command line")
}
