package sysfs

import (
	"bytes"
	"slices"
	"strings"
)

// A mountLine is one line of mountinfo.
type mountLine struct {
	id     uint64
	devt   DevNum
	root   string
	point  string
	fstype string
	source string
}

// parseMountInfo reads /proc/PID/mountinfo, proc_pid_mountinfo(5):
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//	|  |  |    |     |     |          |        | |    |         |
//	id |  devt root  point options    optional | type source    super options
//	   parent                         (0…n)    separator
//
// Blank, tab, newline and backslash, and # from Linux 5.18 on, are written as
// \ooo. The source may be empty.
func parseMountInfo(text []byte) ([]mountLine, error) {
	var out []mountLine
	for line := range bytes.Lines(text) {
		m, ok := parseMountLine(strings.TrimSuffix(string(line), "\n"))
		if !ok {
			return nil, badText("mountinfo line", string(line))
		}
		out = append(out, m)
	}
	return out, nil
}

func parseMountLine(line string) (mountLine, bool) {
	field := strings.Split(line, " ")
	if len(field) < 10 {
		return mountLine{}, false
	}
	sep := slices.Index(field[6:], "-") + 6
	id, idOK := decimal(field[0], 64)
	devt, err := ParseDevNum(field[2])
	if sep < 6 || len(field) < sep+3 || !idOK || err != nil {
		return mountLine{}, false
	}
	return mountLine{
		id:     id,
		devt:   devt,
		root:   unescape(field[3]),
		point:  unescape(field[4]),
		fstype: unescape(field[sep+1]),
		source: unescape(field[sep+2]),
	}, true
}

// unescape undoes what the kernel's mangle_path does: \ooo is one byte.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c, ok := octal(s[i:]); ok {
			b.WriteByte(c)
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// octal reads the escape that s begins with.
func octal(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] > '3' {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[1:4]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n*8 + int(c-'0')
	}
	return byte(n), true
}
