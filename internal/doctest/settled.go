package doctest

import (
	"regexp"
	"strings"
)

// Settled is what a command has printed, without what differs from run to run:
// times, plan ids, durations, process ids.
func Settled(output string) string {
	for _, v := range []struct{ what, as string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d( UTC|Z)?`, "TIME"},
		{`\b(?:[Pp]lan) [0-9a-f]{16}\b`, "plan ID"},
		{`\b\d+(\.\d+)?(ms|µs|s)\)`, "DURATION)"},
		{`\(pid \d+\)`, "(pid N)"},
	} {
		output = regexp.MustCompile(v.what).ReplaceAllString(output, v.as)
	}
	return strings.TrimSpace(output) + "\n"
}
