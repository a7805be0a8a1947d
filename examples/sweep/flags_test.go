package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		args []string
		want func(c *config)
	}{
		"defaults":        {[]string{"scan"}, func(*config) {}},
		"brief":           {[]string{"scan", "-brief"}, func(c *config) { c.brief = true }},
		"flags first":     {[]string{"-json", "scan"}, func(c *config) { c.json = true }},
		"flags last":      {[]string{"verify", "3600a", "-json", "3600b"}, func(c *config) { c.json, c.args = true, []string{"3600a", "3600b"} }},
		"double dash":     {[]string{"verify", "--", "3600a", "-json"}, func(c *config) { c.args = []string{"3600a", "-json"} }},
		"two dashes":      {[]string{"scan", "--json"}, func(c *config) { c.json = true }},
		"percent sign":    {[]string{"scan", "-max-dead", "25%"}, func(c *config) { c.maxDead = 0.25 }},
		"no percent sign": {[]string{"scan", "-max-dead=25"}, func(c *config) { c.maxDead = 0.25 }},
		"one percent":     {[]string{"scan", "-max-dead=1"}, func(c *config) { c.maxDead = 0.01 }},
		"no dwell":        {[]string{"plan", "-dwell", "0"}, func(c *config) { c.dwell = 0 }},
		"plan on stdin":   {[]string{"apply", "-plan", "-"}, func(c *config) { c.plan = "-" }},
		"lock directory":  {[]string{"scan", "-lock-dir", "/host/run/locks"}, func(c *config) { c.lockDir = "/host/run/locks" }},
		"detached":        {[]string{"plan", "-detached", "3600a", "-detached", "3600b"}, func(c *config) { c.detached = wwids{"3600a", "3600b"} }},
		"own": {[]string{"plan", "-own", "all", "-own", "!vendor:ATA"}, func(c *config) {
			c.own = selectors{{text: "all", kind: "all"}, {text: "!vendor:ATA", exclude: true, kind: "vendor", value: "ATA"}}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := config{
				command: known(firstWord(test.args)), args: []string{}, root: "/", backend: "auto", maxDead: 0.5,
				dwell: 10 * time.Second, probeTimeout: 5 * time.Second, timeout: 5 * time.Minute,
			}
			test.want(&want)
			got, err := parse(test.args)
			require.NoError(t, err)
			got.line = nil
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{}, selector{})); diff != "" {
				t.Errorf("parse(%q) (-want +got):\n%s", test.args, diff)
			}
		})
	}
}

// firstWord is the command in a command line of these tests.
func firstWord(args []string) string {
	for _, a := range args {
		if known(a) != "" {
			return a
		}
	}
	return ""
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown command":        {[]string{"remove"}, `which command? "remove" is none of scan, plan, apply, verify`},
		"no command":             {[]string{"-json"}, "which command: scan, plan, apply or verify?"},
		"unknown flag":           {[]string{"scan", "-force"}, "flag provided but not defined: -force"},
		"flag of another":        {[]string{"scan", "-yes"}, "-yes belongs to apply"},
		"-o of another":          {[]string{"scan", "-o", "p"}, "-o belongs to plan and apply"},
		"argument":               {[]string{"plan", "x"}, `takes no arguments, but got "x"`},
		"apply alone":            {[]string{"apply", "-own", "all"}, "needs a plan (-plan FILE), or your word to plan and execute at once (-yes)"},
		"two plans":              {[]string{"apply", "-plan", "a", "-o", "b"}, "-o writes the plan that -yes makes; with -plan there is one already"},
		"verify nothing":         {[]string{"verify"}, "needs either a plan (-plan FILE) or WWIDs as arguments"},
		"verify both":            {[]string{"verify", "-plan", "p", "3600a"}, "needs either a plan (-plan FILE) or WWIDs as arguments"},
		"verify a map's name":    {[]string{"verify", "mpathb"}, `"mpathb" is a device's name, want its WWID (3600…, as multipath prints it)`},
		"verify a node":          {[]string{"verify", "/dev/dm-12"}, `"/dev/dm-12" is a device's name, want its WWID (3600…, as multipath prints it)`},
		"verify without the 3":   {[]string{"verify", "60014055E7d1c0a4b2e4f0a9c1d2e3f4"}, `"60014055E7d1c0a4b2e4f0a9c1d2e3f4" is no WWID as multipath prints it: do you mean 360014055e7d1c0a4b2e4f0a9c1d2e3f4?`},
		"unknown backend":        {[]string{"scan", "-backend", "dbus"}, `-backend "dbus" is none of auto, socket, command, dm`},
		"no time":                {[]string{"scan", "-timeout", "0s"}, "-timeout and -probe-timeout must be more than nothing"},
		"time without a unit":    {[]string{"scan", "-timeout", "5"}, `invalid value "5" for flag -timeout: want a time with its unit, such as 5s`},
		"negative dwell":         {[]string{"scan", "-dwell", "-1s"}, "-dwell must not be negative"},
		"two hosts":              {[]string{"scan", "-simulate", "residual", "-root", "/host"}, "-simulate and -root name two hosts"},
		"lock dir of another":    {[]string{"verify", "-lock-dir", "/run/x", "3600a"}, "-lock-dir belongs to scan and plan and apply"},
		"relative lock dir":      {[]string{"apply", "-yes", "-lock-dir", "locks"}, "-lock-dir must be an absolute path: it is one place for all who work on this host"},
		"lock dir of none":       {[]string{"scan", "-simulate", "residual", "-lock-dir", "/run/x"}, "-simulate brings its own -lock-dir"},
		"plan to stdout":         {[]string{"plan", "-o", "-"}, "-o wants a file; for the plan on standard output there is -json"},
		"more than everything":   {[]string{"scan", "-max-dead", "101"}, `invalid value "101" for flag -max-dead: want a percentage from 0% to 100%`},
		"not a number":           {[]string{"scan", "-max-dead", "NaN"}, `invalid value "NaN" for flag -max-dead: want a percentage from 0% to 100%`},
		"selector of no kind":    {[]string{"scan", "-own", "mpathb"}, `invalid value "mpathb" for flag -own: want all, wwid:GLOB, vendor:NAME, or one of them with ! in front`},
		"selector without value": {[]string{"scan", "-own", "vendor:"}, `invalid value "vendor:" for flag -own: nothing stands behind vendor:`},
		"help on nothing":        {[]string{"help", "remove"}, `there is no command "remove"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.args)
			var u *usageError
			require.True(t, errors.As(err, &u), "parse(%q): %v", test.args, err)
			if diff := cmp.Diff(test.want, u.text); diff != "" {
				t.Errorf("parse(%q) (-want +got):\n%s", test.args, diff)
			}
		})
	}
}
