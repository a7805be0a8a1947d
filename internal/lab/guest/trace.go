//go:build linux

package guest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Trace is what a process did to the world outside itself, as strace saw it.
type Trace struct {
	Deeds []Deed // in order; what only reads, and the process's own files, left out
	Lines int    // of strace's log
}

// A Deed is one system call that changes something, or might.
type Deed struct {
	What string // "open" a disk for writing, "write", "order" to multipathd, "dm" for an ioctl of device-mapper, "exec", else the system call
	On   string // the file, or the map's dm UUID or name
	Said string // what was written or ordered, the ioctl and its message, the argv, else all arguments
}

func (d Deed) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %q", d.What, d.On, d.Said))
}

// A call is one line of the log: a system call at its beginning.
type call struct {
	tid  int
	name string
	args []string
}

var (
	callLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	// What a clone that was interrupted by the child's own lines came to, or one that was not.
	cloned = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(?:v?fork|clone3?)\b.* = (\d+)(?:<.*>)?$`)
)

// parseTrace reads strace's log, in which the first calls, as many as own says, are the
// traced program's own start. Of other programs that were started it tells only that
// they were.
func parseTrace(r io.Reader, own int) (Trace, error) {
	var tr Trace
	var calls []call
	parent := map[int]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		tr.Lines++
		if m := cloned.FindStringSubmatch(lines.Text()); m != nil {
			parent[number(m[2])] = number(m[1])
		}
		if m := callLine.FindStringSubmatch(lines.Text()); m != nil {
			calls = append(calls, call{tid: number(m[1]), name: m[2], args: arguments(m[3])})
		}
	}
	gone := map[int]bool{} // processes that are another program by now
	for i, c := range calls {
		if descends(c.tid, parent, gone) {
			continue
		}
		if i >= own && strings.HasPrefix(c.name, "execve") {
			gone[c.tid] = true
		}
		if c.name == "kill" && parent[number(strings.TrimPrefix(c.arg(0), "-"))] != 0 {
			continue // it ends what it has started itself
		}
		if d, ok := c.deed(); ok {
			tr.Deeds = append(tr.Deeds, d)
		}
	}
	return tr, lines.Err()
}

// descends reports whether a thread, or what started it, is among some.
func descends(tid int, parent map[int]int, some map[int]bool) bool {
	for range len(parent) + 1 {
		if some[tid] {
			return true
		}
		tid = parent[tid]
	}
	return false
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

// deed tells what a call changes, if anything.
func (c call) deed() (Deed, bool) {
	switch c.name {
	case "clone", "clone3", "fork", "vfork":
		return Deed{}, false // what comes of it is told by its execve
	case "write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg":
		return c.write()
	case "openat":
		return c.open()
	case "connect":
		d := Deed{What: "connect", Said: strings.Join(c.args, ", ")}
		return d, !strings.Contains(d.Said, "multipathd")
	case "ioctl":
		return c.ioctl()
	case "execve", "execveat":
		return c.exec()
	}
	d := Deed{What: c.name, On: c.path(), Said: strings.Join(c.args, ", ")}
	return d, !own(d.On)
}

// path is the first file that a call names: unlinkat(12</run>, "x", 0),
// ftruncate(10</run/x>, 0).
func (c call) path() string {
	of := slices.IndexFunc(c.args, func(a string) bool { return strings.HasPrefix(a, `"`) })
	switch {
	case of < 0:
		return fdPath(c.arg(0))
	case of == 0 || strings.HasPrefix(c.args[of], `"/`):
		return unquote(c.args[of])
	}
	return fdPath(c.args[of-1]) + "/" + unquote(c.args[of])
}

// write is write(12</sys/…/delete>, "1\n", 2), or an order to multipathd:
// write(8<UNIX-STREAM:[1634->1636]>, "\16\0\0\0\0\0\0\0show topology\0", 22).
func (c call) write() (Deed, bool) {
	to, said := fdPath(c.arg(0)), unquote(c.arg(1))
	if !strings.HasPrefix(to, "/") && strings.Contains(to, ":[") && !strings.HasPrefix(to, "anon_inode:") {
		order := said
		if len(said) > 8 {
			order = strings.TrimRight(said[8:], "\x00\n")
		}
		return Deed{What: "order", Said: order}, !strings.HasPrefix(order, "show ")
	}
	return Deed{What: "write", On: to, Said: said}, !own(to)
}

// open is openat(AT_FDCWD</>, "/dev/sda", O_RDWR|O_CLOEXEC): what is opened for reading
// alone, and what is no disk or map, changes nothing yet.
func (c call) open() (Deed, bool) {
	d := Deed{What: "open", On: c.path(), Said: "for writing"}
	writes := strings.Contains(c.arg(2), "O_WRONLY") || strings.Contains(c.arg(2), "O_RDWR")
	return d, writes && isDiskNode(d.On)
}

// isDiskNode reports whether a file is the node of a disk, a map, or a generic one.
func isDiskNode(path string) bool {
	return slices.ContainsFunc([]string{"/dev/sd", "/dev/dm-", "/dev/mapper/", "/dev/sg", "/dev/bsg/", "/dev/disk/"}, func(p string) bool {
		return strings.HasPrefix(path, p) && path != "/dev/mapper/control"
	})
}

// own reports whether a file is no matter of the guest's: the process's own
// output, its locks and notes, and what has no name.
func own(path string) bool {
	return path == "/run/lunsweep" || strings.HasPrefix(path, "/run/lunsweep/") || strings.HasPrefix(path, "/payload/") || strings.HasPrefix(path, "/tmp/") || path == "/dev/null" ||
		strings.HasPrefix(path, "anon_inode:") || strings.HasPrefix(path, "{eventfd") || strings.HasPrefix(path, "pipe:")
}

var (
	dmName    = regexp.MustCompile(`\bname="([^"]*)"`)
	dmUUID    = regexp.MustCompile(`\buuid="([^"]*)"`)
	dmMessage = regexp.MustCompile(`\bmessage="([^"]*)"`)
	dmFlags   = regexp.MustCompile(`\bflags=([A-Z_|0-9a-fx]+)`)
	scsiCDB   = regexp.MustCompile(`\bcmdp="\\x([0-9a-f]{2})`)
)

// ioctl is one of device-mapper's, or a SCSI command; nothing but TEST UNIT
// READY, INQUIRY and REPORT LUNS only reads. Any other ioctl is told.
func (c call) ioctl() (Deed, bool) {
	request, text := c.arg(1), strings.Join(c.args[min(2, len(c.args)):], ", ")
	asked, _, _ := strings.Cut(text, " => ")
	switch {
	case request == "DM_VERSION", request == "DM_LIST_DEVICES", request == "DM_DEV_STATUS", request == "DM_TABLE_STATUS", request == "DM_TABLE_DEPS":
		return Deed{}, false
	case strings.HasPrefix(request, "DM_"):
		on := cmp.Or(first(dmUUID, asked), first(dmName, asked))
		said := strings.Join([]string{request, cmp.Or(first(dmMessage, asked), first(dmFlags, asked))}, " ")
		return Deed{What: "dm", On: on, Said: said}, true
	case request == "SG_IO":
		op := first(scsiCDB, text)
		return Deed{What: "cdb", On: fdPath(c.arg(0)), Said: cmp.Or(op, text)}, op != "00" && op != "12" && op != "a0"
	case request == "TCGETS", request == "TIOCGWINSZ", request == "LOOP_GET_STATUS64":
		return Deed{}, false
	}
	return Deed{What: "ioctl", On: fdPath(c.arg(0)), Said: request + " " + text}, true
}

// exec is execve("/usr/sbin/multipath", ["multipath", "-v2", "-ll"], …).
func (c call) exec() (Deed, bool) {
	argv := c.arg(1)
	if c.name == "execveat" {
		argv = c.arg(2)
	}
	var words []string
	for _, w := range arguments(strings.TrimSuffix(strings.TrimPrefix(argv, "["), "]")) {
		words = append(words, unquote(w))
	}
	d := Deed{What: "exec", On: unquote(c.arg(0)), Said: strings.Join(words, " ")}
	asks := strings.HasPrefix(d.Said, "multipathd show ") || strings.HasPrefix(d.Said, "multipathd -kshow ") || d.Said == "multipath -v2 -ll"
	return d, !asks
}

func (c call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

func first(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}
