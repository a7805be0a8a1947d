package main

import (
	"flag"
	"slices"
	"strings"
)

// applyWith is the command line that executes the plan which this one made.
func (s *session) applyWith() string {
	if s.out == "" {
		return "sweep apply -yes" + s.repeat(nil) + "\n  (or keep this plan: add -o FILE, then: sweep apply -plan FILE)"
	}
	return "sweep apply -plan " + quoted(s.out) + s.repeat([]string{"root", "simulate", "backend", "max-dead", "probe-timeout", "timeout", "lock-dir"})
}

// repeat is the flags of this command line once more, those of names or all
// that the other command takes too.
func (s *session) repeat(names []string) string {
	var b strings.Builder
	for _, sel := range s.own {
		if names == nil {
			b.WriteString(" -own " + quoted(sel.text))
		}
	}
	for _, w := range s.detached {
		if names == nil {
			b.WriteString(" -detached " + quoted(w))
		}
	}
	s.line.Visit(func(f *flag.Flag) {
		switch {
		case f.Name == "own", f.Name == "detached", f.Name == "json", f.Name == "o":
		case names != nil && !slices.Contains(names, f.Name):
		case isSwitch(f) && f.Value.String() == "true":
			b.WriteString(" -" + f.Name)
		case isSwitch(f):
			b.WriteString(" -" + f.Name + "=" + f.Value.String())
		default:
			b.WriteString(" -" + f.Name + " " + quoted(f.Value.String()))
		}
	})
	return b.String()
}

// isSwitch reports whether a flag takes no value behind a blank.
func isSwitch(f *flag.Flag) bool {
	v, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && v.IsBoolFlag()
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:%,+=") == "" && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
