//go:build linux && amd64

package guest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Trace is what a program did to the world outside itself, as the watcher saw it.
type Trace struct {
	Deeds []Deed // in order; what only reads, and the program's own files, left out
	Calls int    // that might have changed something
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

// readTrace reads the watcher's log, for what one program did behind so many bytes of it.
func readTrace(r io.Reader, from int64, program string) (Trace, error) {
	var tr Trace
	aside, started := map[int]bool{}, map[int]bool{} // threads, and processes
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for at := int64(0); lines.Scan(); at += int64(len(lines.Bytes()) + 1) {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return tr, fmt.Errorf("%s: %w", lines.Text(), err)
		}
		if c.Program != program {
			continue
		}
		if at >= from {
			tr.Calls++
		}
		if strings.HasPrefix(c.Name, "execve") {
			started[c.Child] = true
		}
		switch {
		case c.On == asideFrom:
			aside[c.TID] = true
		case c.On == asideTo:
			delete(aside, c.TID)
		case at < from, aside[c.TID], c.Name == "kill" && (started[c.whom()] || strings.HasSuffix(c.Said, " 0")): // 0 only asks
		default:
			if d, ok := c.deed(); ok {
				tr.Deeds = append(tr.Deeds, d)
			}
		}
	}
	return tr, lines.Err()
}

// whom is the process, or the group of processes, that a kill is for: "-1500 9".
func (c call) whom() int {
	pid, _, _ := strings.Cut(strings.TrimPrefix(c.Said, "-"), " ")
	return number(pid)
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

// deed tells what a call changes, if anything.
func (c call) deed() (Deed, bool) {
	switch c.Name {
	case "write", "writev", "sendmsg":
		return c.write()
	case "connect":
		return Deed{What: "connect", On: c.On}, !strings.Contains(c.On, "multipathd") && !own(c.On)
	case "ioctl":
		return c.ioctl()
	case "open", "openat", "openat2":
		d := Deed{What: "open", On: c.On, Said: "for writing"}
		return d, !own(d.On) && !strings.HasPrefix(d.On, "/sys/") && d.On != "/dev/mapper/control" // what is written there is told
	case "execve", "execveat":
		d := Deed{What: "exec", On: c.On, Said: c.Said}
		asks := strings.HasPrefix(d.Said, "multipathd show ") || strings.HasPrefix(d.Said, "multipathd -kshow ") || d.Said == "multipath -v2 -ll"
		return d, !asks
	}
	return Deed{What: c.Name, On: c.On, Said: c.Said}, !own(c.On)
}

// write is a write to a file, or an order to multipathd, behind the 8 bytes of its length.
func (c call) write() (Deed, bool) {
	if !strings.HasPrefix(c.On, "socket:") {
		return Deed{What: "write", On: c.On, Said: c.Said}, !own(c.On)
	}
	order := c.Said
	if len(order) > 8 {
		order = strings.TrimRight(order[8:], "\x00\n")
	}
	return Deed{What: "order", Said: order}, !strings.HasPrefix(order, "show ")
}

// own reports whether a file is no matter of the guest's: the program's own
// output, its locks and notes, and what has no name.
func own(path string) bool {
	return path == "/run/lunsweep" || path == "/dev/null" || slices.ContainsFunc([]string{
		"/run/lunsweep/", "/payload/", "/tmp/", "/handed/", "anon_inode:", "pipe:",
	}, func(p string) bool { return strings.HasPrefix(path, p) })
}

// ioctl is one of device-mapper's, or a SCSI command; nothing but TEST UNIT
// READY, INQUIRY and REPORT LUNS only reads. Any other ioctl is told.
func (c call) ioctl() (Deed, bool) {
	request, rest, _ := strings.Cut(c.Said, " ")
	switch request {
	case "asks", "DM_VERSION", "DM_LIST_DEVICES", "DM_DEV_STATUS", "DM_TABLE_STATUS", "DM_TABLE_DEPS":
		return Deed{}, false
	case "SG_IO":
		return Deed{What: "cdb", On: c.On, Said: rest}, rest != "00" && rest != "12" && rest != "a0"
	}
	if strings.HasPrefix(request, "DM_") {
		return Deed{What: "dm", On: c.Map, Said: c.Said}, true
	}
	return Deed{What: "ioctl", On: c.On, Said: c.Said}, true
}
