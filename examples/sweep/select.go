package main

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/scsi"
)

// A selector chooses LUs: all of them, by WWID, or by vendor.
type selector struct {
	text    string // as it was given
	exclude bool
	kind    string // "all", "wwid", "vendor"
	value   string
}

// selectors are the -own flags, in the order in which they were given.
type selectors []selector

func (l *selectors) String() string { return "" }

// Set adds one -own flag.
func (l *selectors) Set(text string) error {
	sel, err := parseSelector(text)
	if err == nil {
		*l = append(*l, sel)
	}
	return err
}

// parseSelector reads "all", "wwid:GLOB" or "vendor:NAME", with or without "!".
func parseSelector(text string) (selector, error) {
	bare, exclude := strings.CutPrefix(text, "!")
	kind, value, colon := strings.Cut(bare, ":")
	sel := selector{text: text, exclude: exclude, kind: kind, value: value}
	switch {
	case bare == "all" && exclude:
		return sel, errors.New("it excludes everything")
	case bare == "all":
		return sel, nil
	case !colon || kind != "wwid" && kind != "vendor":
		return sel, errors.New("want all, wwid:GLOB, vendor:NAME, or one of them with ! in front")
	case strings.TrimSpace(value) == "":
		return sel, errors.Errorf("nothing stands behind %s:", kind)
	case kind == "wwid":
		return sel, checkGlob(value)
	}
	return sel, nil
}

func checkGlob(glob string) error {
	if _, err := path.Match(glob, ""); err != nil {
		return errors.New("its pattern is malformed")
	}
	if isGlob(glob) {
		return nil
	}
	return checkWWID(glob)
}

func isGlob(s string) bool { return strings.ContainsAny(s, `*?[\`) }

// matches reports whether the selector chooses the LU; sure is false where the
// LU does not tell enough.
func (sel selector) matches(s remediate.Subject) (yes, sure bool) {
	switch sel.kind {
	case "all":
		return true, true
	case "vendor":
		return strings.EqualFold(sel.value, s.Vendor), s.Vendor != ""
	}
	names := []string{s.WWID}
	if sel.exclude { // by whichever of its names
		names = append(names, s.Aliases...)
	}
	for _, name := range names {
		if yes, sure = sel.chooses(name); yes || !sure {
			return yes, sure
		}
	}
	return false, true
}

// chooses reports whether a WWID is the selector's, which may be in another writing, or
// fits its pattern.
func (sel selector) chooses(wwid string) (yes, sure bool) {
	if !isGlob(sel.value) {
		return sameWWID(sel.value, wwid), true
	}
	// A WWID is no path: its slashes are characters like any other.
	flat := strings.NewReplacer("/", "\x01")
	yes, err := path.Match(flat.Replace(sel.value), flat.Replace(wwid))
	return yes, err == nil
}

// sameWWID compares as they are written, and as multipath would print them: arrays write
// NAA names with capital digits.
func sameWWID(given, wwid string) bool {
	return given == wwid || written(given) == written(wwid)
}

func written(wwid string) string {
	if n, err := scsi.ParseName(wwid); err == nil {
		return n.WWID()
	}
	return wwid
}

// claim is what the selectors say of a LU, and whether they say anything. One
// that excludes outweighs all that include, and one of which it cannot be told
// whether it excludes leaves the owner unknown.
func (l selectors) claim(s remediate.Subject) (c remediate.Claim, said bool) {
	for _, sel := range l {
		yes, sure := sel.matches(s)
		switch {
		case sel.exclude && yes:
			return remediate.Claim{Owner: remediate.NotMine, Source: "-own " + sel.text}, true
		case sel.exclude && !sure:
			return remediate.Claim{Source: "-own " + sel.text + " cannot be ruled out: its vendor is unknown"}, true
		case !sel.exclude && yes && !said:
			c, said = remediate.Claim{Owner: remediate.Mine, Source: "-own " + sel.text}, true
		}
	}
	return c, said
}

func (l selectors) including() bool {
	return slices.ContainsFunc(l, func(s selector) bool { return !s.exclude })
}

// nobodys is whose a LU is as long as nobody says anything.
func nobodys(remediate.Subject) remediate.Claim {
	return remediate.Claim{Source: "no -own names it"}
}

// plannedFor claims what a plan lists, as it was claimed when it was made.
func plannedFor(p *remediate.Plan) func(remediate.Subject) remediate.Claim {
	return func(s remediate.Subject) remediate.Claim {
		for _, t := range p.Targets {
			if t.WWID == s.WWID {
				return remediate.Claim{Owner: remediate.Mine, Detached: t.Proof == remediate.ByOwner, Source: "plan " + p.ID}
			}
			if slices.ContainsFunc(t.Foreign, func(f remediate.ForeignPin) bool { return f.WWID == s.WWID }) {
				return remediate.Claim{Owner: remediate.Mine, Source: "plan " + p.ID}
			}
		}
		return nobodys(s)
	}
}

// owner answers from -own and -detached, and otherwise from base. Where -own
// includes anything, it alone says what is ours.
func (c *config) owner(base func(remediate.Subject) remediate.Claim) remediate.Owner {
	return func(_ context.Context, s remediate.Subject) (remediate.Claim, error) {
		claim := base(s)
		said, ok := c.own.claim(s)
		if !ok && c.own.including() {
			said, ok = nobodys(s), true
		}
		if ok {
			claim.Owner, claim.Source = said.Owner, said.Source
		}
		claim.Detached = claim.Detached || slices.ContainsFunc(c.detached, func(w string) bool { return sameWWID(w, s.WWID) })
		return claim, nil
	}
}

// wwids are the -detached flags.
type wwids []string

func (l *wwids) String() string { return "" }

// Set adds one -detached flag.
func (l *wwids) Set(text string) error {
	err := checkWWID(text)
	if err == nil {
		*l = append(*l, text)
	}
	return err
}

var (
	deviceName = regexp.MustCompile(`^(/.*|dm-\d+|sd[a-z]+|mpath[a-z]+)$`)
	bareNAA    = regexp.MustCompile(`^(0x|naa\.|wwn-0x)?([256][0-9a-f]{15}|6[0-9a-f]{31})$`)
)

// checkWWID refuses what is certainly no WWID as multipath prints it. To look
// for such a thing finds nothing, which would be taken for "gone". What may be
// one, but is more likely cut short, only a look at the host can tell: see
// [session.checkOdd].
func checkWWID(w string) error {
	naa := bareNAA.FindStringSubmatch(strings.ToLower(w))
	switch {
	case strings.TrimSpace(w) == "":
		return errors.New("a WWID is missing")
	case deviceName.MatchString(w):
		return errors.Errorf("%q is a device's name, want its WWID (3600…, as multipath prints it)", w)
	case naa != nil:
		return errors.Errorf("%q is no WWID as multipath prints it: do you mean 3%s?", w, naa[2])
	}
	return nil
}
