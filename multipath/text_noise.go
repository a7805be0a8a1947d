package multipath

import (
	"io/fs"
	"strings"
)

const prompt = "multipathd>"

// unprompted cuts the prompts of multipathd -k off the front of a line, which
// they are glued to when its input is not a terminal.
func unprompted(line string) string {
	for strings.HasPrefix(line, prompt) {
		line = strings.TrimLeft(line[len(prompt):], " ")
	}
	return line
}

// isLog recognises what multipath-tools puts before its own messages:
//
//	Aug 14 09:33:02 | …      up to 0.7.4 on standard output
//	4735.224337 | …          on standard error
func isLog(s string) bool {
	if len(s) > 16 && s[3] == ' ' && s[6] == ' ' && s[9] == ':' && s[12] == ':' {
		return s[15:17] == " |" && isDigit(s[8]) && isDigit(s[14])
	}
	n := digits(s)
	if n == 0 || len(s) < n+9 || s[n] != '.' {
		return false
	}
	return digits(s[n+1:]) == 6 && s[n+7:n+9] == " |"
}

// isTorn recognises a line that ends in a log: what was begun goes on behind it,
// on a line of its own, and may look whole. Standard output is written in
// blocks, standard error at once.
func isTorn(line string) bool {
	at := strings.Index(line, " | ")
	for _, n := range [...]int{len("Aug 14 09:33:02"), len("5.224337")} {
		if at > n && isLog(line[at-n:]) {
			return true
		}
	}
	return false
}

// isMessage recognises messages without a time that can stand among the rows of
// a map, as none of them can be what is left of a header: "sdg: checker msg is
// …", "0:0:0:1: sg_io failed …", "error calling out …".
func isMessage(s string) bool {
	for _, start := range [...]string{"error calling out ", "device-mapper ioctl ", "libdevmapper: ", "*word = "} {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	at := strings.Index(s, ": ")
	return at > 0 && at < 20 && (isHCTL(s[:at]) || isDisk(s[:at]))
}

// isDisk recognises the kernel's names of disks that can be paths.
func isDisk(s string) bool {
	for _, kind := range [...]string{"sd", "vd", "sr", "xvd", "dasd", "dm-", "nvme", "cciss!"} {
		if rest, ok := strings.CutPrefix(s, kind); ok {
			return rest != "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
		}
	}
	return false
}

// replyCause returns what a line means that the daemon, its command line or the
// shell says instead of a topology; or nil.
//
//	fail            with the reason behind it since 0.9.8
//	timeout         up to 0.9.7; "fail\ntimeout" since
//	timeout receiving packet, error -32 receiving packet
//	permission deny: need to be root
//	CLI commands reference:     the help that answers an unknown command
func replyCause(s string) error {
	switch {
	case s == "fail", strings.HasPrefix(s, "error ") && strings.HasSuffix(s, " receiving packet"):
		return ErrRefused
	case s == "timeout", s == "timeout receiving packet":
		return ErrBusy
	case strings.HasPrefix(s, "permission deny"), strings.HasPrefix(s, "permission denied"), s == "need to be root":
		return ErrPermission
	case strings.HasPrefix(s, "CLI commands reference"):
		return ErrUnsupported
	case strings.HasPrefix(s, "multipathd is not running"), strings.HasPrefix(s, "ux_socket_connect: "):
		return ErrNoDaemon
	case strings.HasSuffix(s, ": command not found"):
		return fs.ErrNotExist
	}
	return nil
}

// failure is [replyCause] for a reply whose first line is known: since 0.9.8
// "fail" has its reason on the line behind it.
func failure(first, rest string) error {
	cause := replyCause(first)
	if cause == nil || first != "fail" {
		return cause
	}
	reason, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	if named := replyCause(strings.TrimSpace(reason)); named != nil {
		return named
	}
	return cause
}

func isReply(s string) bool { return s == "ok" || replyCause(s) != nil }

// isDeath recognises what a shell prints when the program has died.
func isDeath(s string) bool {
	s, _ = strings.CutSuffix(s, " (core dumped)")
	switch s {
	case "Bus error", "Segmentation fault", "Killed", "Aborted", "Terminated":
		return true
	}
	return false
}

// escape begins what makes headers bold where the printing process writes to a
// terminal.
const escape = "\x1b["

// plain removes the escapes of a text.
func plain(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		before, after, found := strings.Cut(s, escape)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = strings.TrimPrefix(strings.TrimLeft(after, "0123456789;"), "m")
	}
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// digits returns how many decimal digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// isHex reports whether s is nothing but lower-case hexadecimal digits.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && c-'a' > 5 {
			return false
		}
	}
	return s != ""
}
