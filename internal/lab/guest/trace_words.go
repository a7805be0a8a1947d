//go:build linux

package guest

import (
	"os"
	"strings"
)

// arguments takes the rest of a line of strace's apart, from behind the opening
// bracket: at the commas that are in no string, structure or description of a
// file, up to the closing bracket or what strace puts in its stead.
func arguments(s string) []string {
	var out []string
	var open []byte // the brackets that are open
	from := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			i = stringEnd(s, i)
		case strings.IndexByte("([{", c) >= 0, c == '<' && describes(s, i):
			open = append(open, c)
		case c == ')' && len(open) == 0:
			return append(out, strings.TrimSpace(s[from:i]))
		case len(open) > 0 && closes(s, i, open[len(open)-1]):
			open = open[:len(open)-1]
		case c == ',' && len(open) == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	last, _, _ := strings.Cut(s[min(from, len(s)):], " <unfinished ...>")
	last, _, _ = strings.Cut(last, " <detached ...>")
	return append(out, strings.TrimSpace(last))
}

// stringEnd is the place of the quote that ends the string that begins at i.
func stringEnd(s string, i int) int {
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i
}

// describes reports whether the "<" at i begins what a descriptor stands for:
// 7</dev/sda<block 8:0>>, AT_FDCWD</tmp>.
func describes(s string, i int) bool {
	return i > 0 && s[i-1] != ' ' && s[i-1] != '<'
}

func closes(s string, i int, open byte) bool {
	switch open {
	case '(':
		return s[i] == ')'
	case '[':
		return s[i] == ']'
	case '{':
		return s[i] == '}'
	}
	return s[i] == '>' && s[i-1] != '-' // a socket is <UNIX:[12->34]>
}

// fdPath is what a descriptor stands for: "/dev/sda" of 7</dev/sda<block 8:0>>. Older
// versions of strace do not say of AT_FDCWD, which is then ours: who is traced
// starts there.
func fdPath(arg string) string {
	if arg == "AT_FDCWD" {
		dir, _ := os.Getwd()
		return dir
	}
	_, path, _ := strings.Cut(arg, "<")
	path = strings.TrimSuffix(strings.TrimSuffix(path, "(deleted)"), ">")
	for _, kind := range []string{"<block ", "<char "} {
		path, _, _ = strings.Cut(path, kind)
	}
	return path
}

// unquote undoes what strace does to a string: C's escapes, octal numbers as
// short as may be.
func unquote(arg string) string {
	from := strings.IndexByte(arg, '"')
	if from < 0 {
		return ""
	}
	s := arg[from+1 : min(stringEnd(arg, from), len(arg))]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("ntrvf", s[i]); at >= 0 {
			b.WriteByte("\n\t\r\v\f"[at])
			continue
		}
		n, digits := 0, 0
		for digits < 3 && i+digits < len(s) && s[i+digits] >= '0' && s[i+digits] <= '7' {
			n = n*8 + int(s[i+digits]-'0')
			digits++
		}
		if digits == 0 {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(byte(n))
		i += digits - 1
	}
	return b.String()
}
