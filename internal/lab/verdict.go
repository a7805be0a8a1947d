package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// An evidence is what a guest left behind.
type evidence struct {
	took    time.Duration // from the boot to the power off
	limit   time.Duration
	output  string // what the scenario printed
	console string // what the kernel printed
	report  string // the guest's own look at itself, after a failure
	stuck   string // the payload's processes that did not end, with where they sleep
	rc      string // the scenario's exit status, "" where it never came to that
	hung    bool   // it had to be killed after rc was written
	killed  bool   // it had to be killed before
	stopped bool   // the whole run was stopped
}

// A verdict is what the table says of a scenario on a distribution.
type verdict struct {
	passed bool
	words  string   // "pass", or what differed
	detail string   // for people, after a failure
	harm   bool     // something was touched that must not be: no second try mends that
	said   []string // what a scenario says of itself, passed or not
	took   time.Duration
}

func (v verdict) String() string {
	s := shortened(v.words, 48)
	if v.took > 0 && v.passed {
		s += fmt.Sprintf(" %.0fs", v.took.Seconds())
	}
	return s
}

// kernelBug matches what a kernel prints when it has lost its footing.
var kernelBug = regexp.MustCompile(`(?m)^.*(Kernel panic|BUG:|Oops|INFO: task \S+ blocked|INFO: rcu\S* (self-)?detected|Unable to handle kernel|general protection fault|Kernel mode fault).*$`)

// harm matches what an oracle says of what was touched, or lost.
var harm = regexp.MustCompile(`belongs to no step of the plan|none of its business|: this was done after |is not there any more|does not hold any more|has lost what was written|something was done to|is not what was written|reads something else than before`)

// harmful matches the whole line.
var harmful = regexp.MustCompile(`(?m)^ +\w+\.go:\d+.*(?:` + harm.String() + `).*$`)

// remark matches what a scenario says of itself for everybody: the soak, its rounds and
// seed.
var remark = regexp.MustCompile(`(?m)^\s+\S+_test\.go:\d+: (soak: .*)$`)

func remarks(output string) []string {
	var out []string
	for _, m := range remark.FindAllStringSubmatch(output, -1) {
		out = append(out, m[1])
	}
	return out
}

// judge turns evidence into a verdict. A scenario that passed on a kernel that
// did not is a failure.
func judge(e evidence) verdict {
	v := verdict{words: words(e), harm: harm.MatchString(e.output), said: remarks(e.output), took: e.took}
	v.passed = v.words == "pass" || strings.HasPrefix(v.words, "skip: ")
	if !v.passed {
		v.detail = detail(e)
	}
	return v
}

func words(e evidence) string {
	ended := regexp.MustCompile(`(?m)^(PASS|FAIL)$`).FindString(e.output)
	switch bug := kernelBug.FindString(e.console); {
	case e.stopped:
		return "stopped"
	case bug != "":
		return "kernel: " + strings.TrimSpace(bug)
	case e.killed && e.output == "":
		return "did not boot"
	case e.killed && ended != "":
		return fmt.Sprintf("said %s, but its process never ended", ended)
	case e.killed:
		return fmt.Sprintf("no end within %s", e.limit)
	case e.rc == "":
		return "the guest ended without a word"
	case e.rc != "0":
		return complaint(e.output)
	case strings.TrimSpace(e.stuck) != "":
		return "left a stuck process: " + strings.TrimSpace(e.stuck)
	case e.hung:
		return "passed, but the guest hung at shutdown"
	case strings.Contains(e.output, "\n--- SKIP: "), strings.HasPrefix(e.output, "--- SKIP: "):
		return "skip: " + complaint(e.output)
	case !strings.Contains(e.output, "--- PASS: "):
		return "no such scenario in the test binary"
	}
	return "pass"
}

// said matches a line that a test printed through t.Log and its like:
//
//	smoke_test.go:31: 4 maps of 2 paths: none after 20s
var said = regexp.MustCompile(`^ +\w+\.go:\d+: ?(.*)$`)

// complaint finds the line of a test's output that says why it did not pass:
// that something was harmed, a panic, or else the last thing said before the verdict, or,
// of testify's block, the line of the error itself.
func complaint(output string) string {
	if m := said.FindStringSubmatch(harmful.FindString(output)); m != nil {
		return m[1]
	}
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		switch m := said.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "panic: "):
			return line
		case m != nil:
			last = strings.TrimSpace(m[1])
		case strings.HasPrefix(strings.TrimSpace(line), "Error:"):
			last = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "Error:"))
		}
	}
	if last == "" {
		return "failed without a word"
	}
	return last
}

// detail is what a person wants to read of a failure. The guest's report ends
// with the kernel's messages; the console has more only where there is none.
func detail(e evidence) string {
	if e.stopped {
		return ""
	}
	if e.report != "" && !kernelBug.MatchString(e.console) {
		e.console = ""
	}
	var b strings.Builder
	for _, p := range []struct {
		name, text string
		lines      int
	}{{"the scenario", e.output, 60}, {"the guest", e.report, 100}, {"the kernel", e.console, 25}} {
		if strings.TrimSpace(p.text) != "" {
			fmt.Fprintf(&b, "--- %s said\n%s\n", p.name, lastLines(p.text, p.lines))
		}
	}
	return b.String()
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > n {
		lines = append([]string{fmt.Sprintf("(%d lines before)", len(lines)-n)}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}

func shortened(s string, n int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
