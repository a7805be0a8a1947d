//go:build linux

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// A Proc is one process as /proc shows it.
type Proc struct {
	PID, PPID int
	Comm      string
	State     string            // "D" is uninterruptible sleep
	WChan     string            // the kernel function it sleeps in
	Stack     string            // the kernel's stack, innermost first, in one line
	FDs       map[string]string // number to link; empty while it is inside its first open
	Cmdline   string
}

func (p Proc) String() string {
	return fmt.Sprintf("%d %s state %s wchan %s stack [%s] fds %v", p.PID, p.Comm, p.State, p.WChan, p.Stack, p.FDs)
}

// Process reads one process. One that is not there has State "".
func Process(pid int) Proc {
	dir := "/proc/" + strconv.Itoa(pid)
	p := Proc{PID: pid, WChan: attribute(dir + "/wchan"), Stack: stack(dir), FDs: map[string]string{}}
	p.Comm, p.State, p.PPID = stat(attribute(dir + "/stat"))
	p.Cmdline = strings.TrimSpace(strings.ReplaceAll(attribute(dir+"/cmdline"), "\x00", " "))
	links, _ := filepath.Glob(dir + "/fd/*")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil {
			p.FDs[filepath.Base(l)] = to
		}
	}
	return p
}

// stat takes apart "12 (a name) S 1 …"; the name may hold anything.
func stat(s string) (comm, state string, ppid int) {
	from, to := strings.Index(s, "("), strings.LastIndex(s, ")")
	if from < 0 || to < from {
		return "", "", 0
	}
	rest := strings.Fields(s[to+1:])
	if len(rest) < 2 {
		return "", "", 0
	}
	ppid, _ = strconv.Atoi(rest[1])
	return s[from+1 : to], rest[0], ppid
}

// stack is "blkdev_get_by_dev < blkdev_open < …".
func stack(dir string) string {
	var out []string
	for line := range strings.Lines(attribute(dir + "/stack")) {
		if f := strings.Fields(line); len(f) == 2 {
			name, _, _ := strings.Cut(f[1], "+")
			out = append(out, name)
		}
	}
	return strings.Join(out, " < ")
}

// Processes lists the processes that match, by process id.
func Processes(match func(Proc) bool) []Proc {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var out []Proc
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if p := Process(pid); p.State != "" && match(p) {
			out = append(out, p)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out
}

// Blocked lists the processes in uninterruptible sleep, kernel threads left out.
func Blocked() []Proc {
	return Processes(func(p Proc) bool { return p.State == "D" && p.Cmdline != "" })
}

// Sleeping says, for a message, where a process sleeps.
func Sleeping(pid int) string {
	p := Process(pid)
	return fmt.Sprintf("state %s, %s", p.State, p.Stack)
}

// Holds reports whether the process has a file open, by its name in /proc.
func (p Proc) Holds(path string) bool {
	for _, to := range p.FDs {
		if to == path {
			return true
		}
	}
	return false
}
