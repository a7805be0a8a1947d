package sysfs

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// A view is what mountinfo depends on.
type view struct {
	ns   uint64
	root string
}

// A seat is a process or thread from which a view can be had.
type seat struct {
	view
	pid   int
	dir   string // below /proc; "" for a namespace that was entered
	via   string // the file that it was entered by
	blind error  // why the view could not be read
}

// seats returns the views of a process: its own, and those of threads that are
// in another namespace.
func (f *FS) seats(pid int) []seat {
	own := strconv.Itoa(pid)
	var out []seat
	if s, ok := f.seat(pid, own); ok {
		out = append(out, s)
	}
	tids, _ := f.tasks(pid)
	for _, tid := range tids {
		if tid == pid {
			continue
		}
		s, ok := f.seat(pid, own+"/task/"+strconv.Itoa(tid))
		if ok && !slices.ContainsFunc(out, func(o seat) bool { return o.view == s.view && (o.blind == nil) == (s.blind == nil) }) {
			out = append(out, s)
		}
	}
	return out
}

// seat reads the links ns/mnt, "mnt:[4026531841]", and root.
func (f *FS) seat(pid int, dir string) (seat, bool) {
	s := seat{pid: pid, dir: dir}
	ns, err := os.Readlink(f.Path(procDir, dir, "ns/mnt"))
	if err == nil {
		s.ns, err = parseNamespace(ns)
	}
	if err == nil {
		s.root, err = os.Readlink(f.Path(procDir, dir, "root"))
		if absent(err) && !f.live {
			s.root, err = "/", nil // a captured tree that leaves it out
		}
	}
	s.blind = err
	return s, !ended(err)
}

// parseNamespace reads the text of a namespace link: "mnt:[4026531841]".
func parseNamespace(s string) (uint64, error) {
	rest, okA := strings.CutPrefix(s, "mnt:[")
	number, okB := strings.CutSuffix(rest, "]")
	n, okC := decimal(number, 64)
	if !okA || !okB || !okC {
		return 0, badText("mount namespace", s)
	}
	return n, nil
}
