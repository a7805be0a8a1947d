package remediatetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// booted is when the host was started.
const booted = 1767225600 // 2026-01-01 00:00 UTC

// A process is one process of the host, with one thread.
type process struct {
	pid    int
	comm   string
	ns     uint64
	state  string
	opens  []string // kernel names, file descriptors 3 and up
	flags  []string // of each
	doomed string   // device whose I/O it waits for: it ends when that ends
	own    bool     // stands for the process that runs the simulation
}

// States of a process, as in /proc/PID/stat.
const (
	idle    = "S"
	blocked = "D"
)

// Access is how a process has a device open.
type Access uint8

// The ways to have a device open.
const (
	Reading Access = iota // read-only, idle
	Writing               // read and write, idle
	Stuck                 // read-only, in uninterruptible sleep until its read ends: it ends then
)

// Open makes a process that has a device ("dm-12", "sdi1") open.
func (h *Host) Open(dev string, pid int, comm string, how Access) {
	h.set(func() {
		h.known(dev)
		p := h.startProcess(pid, comm, hostNS, idle)
		flags := "0140000" // O_DIRECT | O_LARGEFILE
		switch how {
		case Writing:
			flags = "0140002"
		case Stuck:
			p.state, p.doomed = blocked, dev
		}
		p.opens, p.flags = append(p.opens, dev), append(p.flags, flags)
		h.writeProcess(p)
	})
}

// Kill ends a process.
func (h *Host) Kill(pid int) { h.set(func() { h.endProcess(pid) }) }

func (h *Host) known(dev string) {
	if _, err := os.Stat(h.path("sys/class/block", dev)); err != nil {
		h.fail(err)
	}
}

func (h *Host) startProcess(pid int, comm string, ns uint64, state string) *process {
	p := &process{pid: pid, comm: comm, ns: ns, state: state}
	h.procs[pid] = p
	h.writeProcess(p)
	return p
}

func (h *Host) endProcess(pid int) {
	delete(h.procs, pid)
	h.remove(h.path("proc", strconv.Itoa(pid)))
}

// writeProcess writes /proc/PID.
func (h *Host) writeProcess(p *process) {
	dir := h.path("proc", strconv.Itoa(p.pid))
	stat := p.stat()
	h.write(filepath.Join(dir, "stat"), stat)
	h.write(filepath.Join(dir, "task", strconv.Itoa(p.pid), "stat"), stat)
	h.write(filepath.Join(dir, "task", strconv.Itoa(p.pid), "wchan"), p.wchan())
	h.write(filepath.Join(dir, "mountinfo"), h.mountInfo(p.ns))
	h.linkText(fmt.Sprintf("mnt:[%d]", p.ns), filepath.Join(dir, "ns/mnt"))
	h.linkText("/", filepath.Join(dir, "root"))
	h.mkdir(filepath.Join(dir, "fd"))
	for i, dev := range p.opens {
		fd := strconv.Itoa(3 + i)
		h.write(filepath.Join(dir, "fdinfo", fd), "pos:\t0\nflags:\t"+p.flags[i]+"\nmnt_id:\t25\nino:\t641\n")
		h.linkText("/dev/"+dev, filepath.Join(dir, "fd", fd))
	}
}

// stat is the line of /proc/PID/stat; the process was started an hour after
// boot.
func (p *process) stat() string {
	return fmt.Sprintf("%d (%s) %s 1 %[1]d %[1]d 0 -1 4194304%[4]s 360000 24645632 1024\n",
		p.pid, p.comm, p.state, strings.Repeat(" 0", 12))
}

func (p *process) wchan() string {
	if p.state == blocked {
		return "io_schedule"
	}
	return "0"
}

// freed ends the processes that waited for I/O on a device.
func (h *Host) freed(dev string) {
	for pid, p := range h.procs {
		if p.doomed == dev {
			h.endProcess(pid)
		}
	}
}

// caught shows this process, asleep in a read of dev, until the returned
// function is called.
func (h *Host) caught(dev string) (stop func()) {
	pid := os.Getpid()
	p := h.procs[pid]
	if p == nil {
		p = h.startProcess(pid, "sweep", hostNS, blocked)
		p.own = true
	}
	p.opens, p.flags = append(p.opens, dev), append(p.flags, "0140000")
	h.writeProcess(p)
	return func() {
		h.endProcess(pid)
		at := slices.Index(p.opens, dev)
		p.opens, p.flags = slices.Delete(p.opens, at, at+1), slices.Delete(p.flags, at, at+1)
		if len(p.opens) > 0 || !p.own {
			h.procs[pid] = p
			h.writeProcess(p)
		}
	}
}

// Conceal makes a process whose open files this one may not see.
func (h *Host) Conceal(pid int, comm string) {
	h.set(func() {
		p := h.startProcess(pid, comm, hostNS, idle)
		h.remove(h.path("proc", strconv.Itoa(p.pid), "fd"))
		// As root one may read everything; what nobody can read is no directory.
		h.write(h.path("proc", strconv.Itoa(p.pid), "fd"), "")
	})
}
