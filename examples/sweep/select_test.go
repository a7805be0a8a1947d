package main

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
)

func TestOwner(t *testing.T) {
	lio := remediate.Subject{WWID: "360014055e7a34c1f", Vendor: "LIO-ORG"}
	empty := remediate.Subject{WWID: "360014055e7a34c1f"} // a map without paths tells no vendor
	text := remediate.Subject{WWID: "1ATA     DISK/1", Vendor: "ATA"}
	unknown, mine, notMine := remediate.OwnerUnknown, remediate.Mine, remediate.NotMine
	tests := map[string]struct {
		own     []string
		subject remediate.Subject
		want    remediate.Ownership
	}{
		"nothing is ours":            {nil, lio, unknown},
		"all":                        {[]string{"all"}, lio, mine},
		"by WWID":                    {[]string{"wwid:360014055e7a34c1f"}, lio, mine},
		"by another WWID":            {[]string{"wwid:360014055e7a34c1e"}, lio, unknown},
		"no prefix match":            {[]string{"wwid:36001"}, lio, unknown},
		"by glob":                    {[]string{"wwid:36001*"}, lio, mine},
		"by glob over a slash":       {[]string{"wwid:1ATA*"}, text, mine},
		"by vendor":                  {[]string{"vendor:lio-org"}, lio, mine},
		"by another vendor":          {[]string{"vendor:IBM"}, lio, unknown},
		"vendor of nothing":          {[]string{"vendor:LIO-ORG"}, empty, unknown},
		"excluded":                   {[]string{"all", "!wwid:36001*"}, lio, notMine},
		"excluded first":             {[]string{"!wwid:36001*", "all"}, lio, notMine},
		"excluded alone":             {[]string{"!vendor:IBM"}, lio, unknown},
		"not excluded":               {[]string{"all", "!vendor:IBM"}, lio, mine},
		"perhaps excluded":           {[]string{"all", "!vendor:IBM"}, empty, unknown},
		"perhaps and surely not":     {[]string{"all", "!vendor:IBM", "!wwid:36001*"}, empty, unknown},
		"one of several":             {[]string{"wwid:3999*", "vendor:LIO-ORG"}, lio, mine},
		"an escaped bracket is text": {[]string{`wwid:\[x`}, remediate.Subject{WWID: "[x"}, mine},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ask(t, nobodys, test.subject, test.own...)
			if diff := cmp.Diff(test.want.String(), got.Owner.String()); diff != "" {
				t.Errorf("owner of %+v by %q (-want +got):\n%s", test.subject, test.own, diff)
			}
		})
	}
}

// ask asks the owner that the -own flags make out of base.
func ask(t *testing.T, base func(remediate.Subject) remediate.Claim, s remediate.Subject, own ...string) remediate.Claim {
	t.Helper()
	var c config
	for _, o := range own {
		require.NoError(t, c.own.Set(o))
	}
	claim, err := c.owner(base)(context.Background(), s)
	require.NoError(t, err)
	return claim
}

func TestOwnerOfPlan(t *testing.T) {
	p := &remediate.Plan{ID: "p1", Targets: []remediate.Target{{WWID: "3600a"}, {WWID: "3600b", Proof: remediate.ByOwner}}}
	tests := map[string]struct {
		wwid string
		own  []string
		want remediate.Claim
	}{
		"planned":                   {"3600a", nil, remediate.Claim{Owner: remediate.Mine, Source: "plan p1"}},
		"planned as detached":       {"3600b", nil, remediate.Claim{Owner: remediate.Mine, Detached: true, Source: "plan p1"}},
		"not planned":               {"3600c", nil, remediate.Claim{Source: "no -own names it"}},
		"excluded from it":          {"3600a", []string{"!wwid:3600a"}, remediate.Claim{Owner: remediate.NotMine, Source: "-own !wwid:3600a"}},
		"not excluded from it":      {"3600b", []string{"!wwid:3600a"}, remediate.Claim{Owner: remediate.Mine, Detached: true, Source: "plan p1"}},
		"ours by other words":       {"3600a", []string{"all"}, remediate.Claim{Owner: remediate.Mine, Source: "-own all"}},
		"only others are ours now":  {"3600a", []string{"wwid:3600z"}, remediate.Claim{Source: "no -own names it"}},
		"ours now, but not planned": {"3600c", []string{"all"}, remediate.Claim{Owner: remediate.Mine, Source: "-own all"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ask(t, plannedFor(p), remediate.Subject{WWID: test.wwid}, test.own...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("claim on %s (-want +got):\n%s", test.wwid, diff)
			}
		})
	}
}

func TestSelectorRefuses(t *testing.T) {
	for _, text := range []string{"", "!", "!all", "!!all", "all:", "ALL", "wwid", "wwid:", "wwid: ", "wwid:[", "wwid:mpathb", "wwid:60014055e7d1c0a4b2e4f0a9c1d2e3f4", "serial:1"} {
		if got, err := parseSelector(text); err == nil {
			t.Errorf("parseSelector(%q) = %+v, want an error", text, got)
		}
	}
}
