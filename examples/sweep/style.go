package main

import (
	"io"
	"os"
)

// A style colours words where a person looks at them on a terminal.
type style struct{ colour bool }

// styleFor is the style for w: plain unless w is a terminal and colours are
// wanted (https://no-color.org).
func styleFor(w io.Writer) style {
	return style{colour: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (s style) bold(text string) string { return s.in("1", text) }
func (s style) good(text string) string { return s.in("32", text) }
func (s style) bad(text string) string  { return s.in("1;31", text) }
func (s style) odd(text string) string  { return s.in("33", text) }
func (s style) dim(text string) string  { return s.in("2", text) }

func (s style) in(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// isTerminal reports whether w is a character device other than the null
// device, which is as much as can be told without asking the terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(st, null)
}
