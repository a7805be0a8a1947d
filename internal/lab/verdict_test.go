package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	const limit = 3 * time.Minute
	passed := "=== RUN   TestX\n    x_test.go:3: a remark\n--- PASS: TestX (1.00s)\nPASS\n"
	failed := "=== RUN   TestX\n    x_test.go:3: a remark\n    x_test.go:9: 4 maps: not within 5s\n        more of it\n--- FAIL: TestX (1.00s)\nFAIL\n"
	for name, c := range map[string]struct {
		e    evidence
		want string
	}{
		"pass":          {evidence{output: passed, rc: "0"}, "pass"},
		"fail":          {evidence{output: failed, rc: "1"}, "4 maps: not within 5s"},
		"testify":       {evidence{output: "    x_test.go:9: \n        \tError Trace:\tx_test.go:9\n        \tError:      \tNot equal\n--- FAIL: TestX\nFAIL\n", rc: "1"}, "Not equal"},
		"panic":         {evidence{output: "=== RUN   TestX\npanic: nil map\n\ngoroutine 1\n", rc: "2"}, "panic: nil map"},
		"silent":        {evidence{output: "=== RUN   TestX\n--- FAIL: TestX\nFAIL\n", rc: "1"}, "failed without a word"},
		"skip":          {evidence{output: "=== RUN   TestX\n    x_test.go:9: no purge before 0.14\n--- SKIP: TestX\nPASS\n", rc: "0"}, "skip: no purge before 0.14"},
		"none":          {evidence{output: "testing: warning: no tests to run\nPASS\n", rc: "0"}, "no such scenario in the test binary"},
		"no boot":       {evidence{killed: true, limit: limit}, "did not boot"},
		"early end":     {evidence{output: "=== RUN   TestX\n"}, "the guest ended without a word"},
		"no end":        {evidence{output: "=== RUN   TestX\n", killed: true, limit: limit}, "no end within 3m0s"},
		"no exit":       {evidence{output: passed, killed: true, limit: limit}, "said PASS, but its process never ended"},
		"hung shutdown": {evidence{output: passed, rc: "0", hung: true}, "passed, but the guest hung at shutdown"},
		"stuck":         {evidence{output: passed, rc: "0", stuck: "sweep folio_wait_bit_common\n"}, "left a stuck process: sweep folio_wait_bit_common"},
		"kernel":        {evidence{output: passed, rc: "0", console: "sd 0:0:0:1: x\nBUG: unable to handle page fault\n"}, "kernel: BUG: unable to handle page fault"},
		"hung task":     {evidence{output: passed, rc: "0", console: "INFO: task sweep:12 blocked for more than 120 seconds.\n"}, "kernel: INFO: task sweep:12 blocked for more than 120 seconds."},
		"stopped":       {evidence{output: passed, stopped: true}, "stopped"},
	} {
		if diff := cmp.Diff(c.want, words(c.e)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// Only a pass and a reasoned skip are no failure.
func TestJudge(t *testing.T) {
	for want, e := range map[bool]evidence{
		true:  {output: "--- PASS: TestX\nPASS\n", rc: "0"},
		false: {},
	} {
		if v := judge(e); v.passed != want {
			t.Errorf("%+v: passed %v", e, v.passed)
		}
	}
}

func TestShortened(t *testing.T) {
	for in, want := range map[string]string{"short": "short", "a line\nand more": "a line", "äöüäöüäöüäöü": "äöüäöüäöü…"} {
		if got := shortened(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What an oracle says of harm is known as such, and what the soak says of itself is told.
func TestHarm(t *testing.T) {
	for line, want := range map[string]bool{
		"trace_test.go:9: this belongs to no step of the plan: write /sys/x":        true,
		"trace_test.go:9: this was done after verify-gone 3600: order":              true,
		"soak_check_test.go:9: round 3: something was done to 3600, which is alive": true,
		"pattern.go:52: /dev/dm-1 does not hold any more what it held":              true,
		"x_test.go:9: the paths are back: not within 20s":                           false,
	} {
		v := judge(evidence{output: "=== RUN   TestX\n    " + line + "\n    soak_test.go:29: soak: 10 rounds, seed 1\n--- FAIL: TestX\nFAIL\n", rc: "1"})
		if v.harm != want {
			t.Errorf("%s: harm %v", line, v.harm)
		}
		if _, says, _ := strings.Cut(line, ": "); want && v.words != says {
			t.Errorf("the verdict on %q is %q", line, v.words)
		}
		if diff := cmp.Diff([]string{"soak: 10 rounds, seed 1"}, v.said); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}
