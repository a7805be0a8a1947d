package main

import (
	"strings"
	"unicode/utf8"
)

// A grid is a table whose cells may have several lines. Below a row stand its
// notes, free text that is not aligned with anything.
type grid struct {
	head []string
	rows []gridRow
}

type gridRow struct {
	cells [][]string // of each column, its lines
	paint func(column int, text string) string
	notes []string
}

// widths are the columns' widths in characters.
func (g *grid) widths() []int {
	w := make([]int, len(g.head))
	for i, h := range g.head {
		w[i] = utf8.RuneCountInString(h)
		for _, r := range g.rows {
			for _, line := range r.cells[i] {
				w[i] = max(w[i], utf8.RuneCountInString(line))
			}
		}
	}
	return w
}

// lines is the table as text.
func (g *grid) lines() []string {
	w := g.widths()
	out := []string{align(w, g.head, nil)}
	for _, r := range g.rows {
		for n := range r.height() {
			out = append(out, align(w, r.line(n), r.paint))
		}
		for _, note := range r.notes {
			out = append(out, "    "+note)
		}
	}
	return out
}

func (r gridRow) height() int {
	n := 1
	for _, c := range r.cells {
		n = max(n, len(c))
	}
	return n
}

// line is the n-th line of every cell.
func (r gridRow) line(n int) []string {
	out := make([]string, len(r.cells))
	for i, c := range r.cells {
		if n < len(c) {
			out[i] = c[n]
		}
	}
	return out
}

// align pads before it paints, because paint has no width.
func align(widths []int, cells []string, paint func(int, string) string) string {
	var b strings.Builder
	for i, c := range cells {
		if rest := cells[i:]; strings.Join(rest, "") == "" {
			break
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		if paint != nil {
			c = paint(i, c)
		}
		b.WriteString(c + pad + "  ")
	}
	return strings.TrimRight(b.String(), " ")
}
