package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/lunsweep/lunsweep/remediate"
)

// A page is standard output.
type page struct {
	w     *bufio.Writer
	style style
}

func newPage(w io.Writer) *page { return &page{w: bufio.NewWriter(w), style: styleFor(w)} }

// line writes one line; an error shows in flush.
func (p *page) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func (p *page) flush() error { return p.w.Flush() }

// devices writes a table of devices, each with its reasons below.
func (p *page) devices(d *document, devices []remediate.Device) {
	if !d.looked {
		return
	}
	if len(devices) == 0 {
		p.line("no multipath map and no SCSI disk on %s", d.Host)
		return
	}
	g := grid{head: []string{" ", "MAP", "DM", "WWID", "VERDICT", "PATHS (scsi dm checker)", "READ", "IN USE", "OWNER", "REMOVABLE"}}
	for _, x := range devices {
		g.rows = append(g.rows, p.row(x))
	}
	for _, l := range g.lines() {
		p.line("%s", l)
	}
	p.line("")
}

const verdictColumn = 4

func (p *page) row(x remediate.Device) gridRow {
	mark, name, dm := " ", "-", "-"
	if x.Verdict.Residual() {
		mark = "!"
	}
	if x.Map != nil {
		name, dm = x.Map.Name, x.Map.DM
	}
	one := func(s string) []string { return []string{s} }
	return gridRow{
		cells: [][]string{
			one(mark), one(name), one(dm), one(x.WWID), one(x.Verdict.String()), pathWords(x.Paths),
			one(x.Read.String()), useWords(x.InUse), one(x.Owner.String()), one(yesNo(x.Removable)),
		},
		paint: func(column int, text string) string {
			if column == verdictColumn || column == 0 {
				return p.verdict(x.Verdict, text)
			}
			return text
		},
		notes: reasons(x),
	}
}

// verdict paints a text in the verdict's colour.
func (p *page) verdict(v remediate.Verdict, text string) string {
	switch {
	case v.Residual():
		return p.style.bad(text)
	case v == remediate.Healthy:
		return p.style.good(text)
	}
	return p.style.odd(text)
}

// reasons are all reasons of a device that is not well, and the first of one
// that is.
func reasons(x remediate.Device) []string {
	if x.Verdict == remediate.Healthy {
		return x.Reasons[:min(len(x.Reasons), 1)]
	}
	return x.Reasons
}

// pathWords puts paths in the same states on one line.
func pathWords(paths []remediate.Path) []string {
	var states []string
	names := map[string][]string{}
	for _, p := range paths {
		s := stateWords(p)
		if names[s] == nil {
			states = append(states, s)
		}
		names[s] = append(names[s], pathName(p))
	}
	if len(states) == 0 {
		return []string{"none"}
	}
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = strings.Join(names[s], " ") + ": " + s
	}
	return out
}

func stateWords(p remediate.Path) string {
	state := p.State
	if state == "" {
		state = "unknown"
	}
	if !p.InMap {
		return state + ", not in a map"
	}
	return state + " " + p.DMState + " " + p.CheckState
}

func pathName(p remediate.Path) string {
	if p.Dev == "" {
		return p.HCTL.String()
	}
	return p.Dev
}

// useWords names the first user, and counts the others.
func useWords(users []remediate.Use) []string {
	if len(users) == 0 {
		return []string{"no"}
	}
	u := users[0]
	out := []string{remediate.Use{Kind: u.Kind, By: ending(u.By, 28)}.String()}
	if n := len(users) - 1; n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return out
}

// ending is the end of a text that is too long for its column: of a mount point
// it says more than the beginning.
func ending(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return "…" + string(r[len(r)-limit+1:])
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// summary is the last word: how many of which kind.
func (p *page) summary(d *document) {
	if !d.looked {
		return
	}
	p.line("%s at %s: %s", p.style.bold(string(d.Host)), clock(d.Time), tally(d.Devices))
	if line := reached(d); line != "" {
		p.line("%s", line)
	}
}

// reached says that multipath was not reached, or not in the best way.
func reached(d *document) string {
	why := strings.Join(d.Passed, "; ")
	switch {
	case why == "":
		return ""
	case *d.Backend == "auto": // none of the ways was taken
		return "multipath was not reached, because of " + why
	}
	return fmt.Sprintf("multipath was reached by %s alone, because of %s", *d.Backend, why)
}

func tally(devices []remediate.Device) string {
	residual, removable, healthy := 0, 0, 0
	for _, x := range devices {
		switch {
		case x.Verdict.Residual():
			residual++
		case x.Verdict == remediate.Healthy:
			healthy++
		}
		if x.Removable {
			removable++
		}
	}
	words := "nothing residual"
	if residual > 0 {
		words = fmt.Sprintf("%d residual (%d removable)", residual, removable)
	}
	words += fmt.Sprintf(", %d healthy", healthy)
	if rest := len(devices) - residual - healthy; rest > 0 {
		words += fmt.Sprintf(", %d neither", rest)
	}
	return words
}
