package sysfs

import (
	"context"
	"slices"
	"strings"
)

// A Mount is one mount of one mount namespace.
type Mount struct {
	Devt   DevNum // the device; of major 0 (nfs, overlay, …) where there is none, or it cannot be told
	Root   string // what of the file system is mounted
	Point  string // where, as the process PID sees it
	FSType string
	Source string // "/dev/mapper/mpathb", "tmpfs", "server:/export"
	NS     uint64 // inode number of the mount namespace
	PID    int    // a process that sees it; 0 where no process is in the namespace
	Via    string // what keeps such a namespace: the file that was entered by; "" elsewhere
}

// Mounts are the mounts of a host.
type Mounts struct {
	List []Mount
	// Blind are the processes whose mounts could not be read. What they have
	// mounted is unknown.
	Blind []Blind
	// Pinned are mount namespaces that no process is in, kept by a bind mount
	// of theirs (as snapd does), and that could not be entered. What is mounted
	// in them is unknown.
	Pinned []uint64
}

// Mounts reads /proc/PID/mountinfo for every mount namespace of the host that a
// process or a thread is in, and for every root directory that processes of one
// namespace have (mountinfo leaves out what is outside of it). A process that
// ends meanwhile is no error. A namespace that no process is in and a bind mount
// keeps is entered for a moment, by a thread of this process, to read it; one
// that only an open file keeps is told by [FS.Openers].
//
// A btrfs has a device number of its own; here it has the number of its device,
// and one Mount for each device where it has several, from /sys/fs/btrfs.
//
// Needs root, and the host's /proc: processes outside its PID namespace are not
// seen at all.
func (f *FS) Mounts(ctx context.Context) (Mounts, error) {
	return bounded(ctx, f, "mounts", func() (Mounts, error) {
		pids, err := f.pids()
		if err != nil {
			return Mounts{}, err
		}
		perProcess, err := each(ctx, pids, func(pid int) ([]seat, bool, error) {
			seats, err := ofProcess(ctx, f.mounts, pid, "namespaces", func() ([]seat, error) { return f.seats(pid), nil })
			if err != nil {
				seats = []seat{{pid: pid, blind: err}}
			}
			return seats, len(seats) > 0, ctx.Err()
		})
		if err != nil {
			return Mounts{}, err
		}
		s := newMountScan(ctx, f)
		for _, seats := range perProcess {
			if err := ctx.Err(); err != nil {
				return Mounts{}, err
			}
			if err := s.process(seats); err != nil {
				return Mounts{}, err
			}
		}
		if err := s.enterPinned(); err != nil {
			return Mounts{}, err
		}
		return s.result(), nil
	})
}

// A mountKey is one mount in one namespace.
type mountKey struct{ ns, id uint64 }

// A mountScan gathers the mounts of all views.
type mountScan struct {
	ctx    context.Context
	fs     *FS
	out    Mounts
	read   map[view]bool
	seen   map[mountKey]bool
	pinned map[uint64]string // namespaces that a file stands for, and its path; "" where it has none here
	btrfs  [][]DevNum        // devices of each btrfs; nil before it is read
}

func newMountScan(ctx context.Context, f *FS) *mountScan {
	return &mountScan{ctx: ctx, fs: f, seen: map[mountKey]bool{}, read: map[view]bool{}, pinned: map[uint64]string{}}
}

// process reads the views of a process that no process before had.
func (m *mountScan) process(seats []seat) error {
	for _, s := range seats {
		if s.blind != nil {
			m.blind(s.pid, s.blind)
			continue
		}
		if m.read[s.view] {
			continue
		}
		lines, err := ofProcess(m.ctx, m.fs.mounts, s.pid, "mountinfo", func() ([]mountLine, error) { return m.fs.mountInfo(s.dir) })
		switch {
		case ended(err): // the next process may have the same view
		case denied(err), isStuck(err):
			m.blind(s.pid, err)
		case err != nil:
			return err
		default:
			m.read[s.view] = true
			m.add(s, lines)
		}
	}
	return nil
}

func (m *mountScan) blind(pid int, why error) {
	if !slices.ContainsFunc(m.out.Blind, func(b Blind) bool { return b.PID == pid }) {
		m.out.Blind = append(m.out.Blind, Blind{PID: pid, Err: why})
	}
}

// mountInfo reads the mountinfo of a process or thread.
func (f *FS) mountInfo(dir string) ([]mountLine, error) {
	file := f.Path(procDir, dir, "mountinfo")
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	lines, err := parseMountInfo(text)
	return lines, pathError("parse", file, err)
}

func (m *mountScan) add(s seat, lines []mountLine) {
	for _, l := range lines {
		key := mountKey{s.ns, l.id}
		if m.seen[key] {
			continue
		}
		m.seen[key] = true
		if ns, err := parseNamespace(l.root); err == nil && l.fstype == "nsfs" {
			m.pin(ns, s, l.point)
		}
		mount := Mount{Devt: l.devt, Root: l.root, Point: l.point, FSType: l.fstype,
			Source: l.source, NS: s.ns, PID: s.pid, Via: s.via}
		for _, d := range m.devices(l) {
			mount.Devt = d
			m.out.List = append(m.out.List, mount)
		}
	}
}

// pin notes that a mount keeps a namespace. The mount is found through a process
// that sees it.
func (m *mountScan) pin(ns uint64, s seat, point string) {
	if _, known := m.pinned[ns]; known {
		return
	}
	m.pinned[ns] = ""
	if s.dir != "" {
		m.pinned[ns] = m.fs.Path(procDir, s.dir, "root", point)
	}
}

// devices returns the devices of a mount: its own number, but for a file system
// that has an anonymous one and a block device as its source.
func (m *mountScan) devices(l mountLine) []DevNum {
	if l.devt.Major != 0 || !strings.HasPrefix(l.source, "/"+devDir+"/") {
		return []DevNum{l.devt}
	}
	var found []DevNum
	if d := m.fs.node(l.source); l.fstype == "btrfs" {
		found = m.members(d)
	} else if !d.IsZero() {
		found = []DevNum{d}
	}
	if len(found) == 0 {
		return []DevNum{l.devt}
	}
	return found
}

// result ends the scan: pinned are the namespaces that nobody could look into.
func (m *mountScan) result() Mounts {
	for v := range m.read {
		delete(m.pinned, v.ns)
	}
	m.out.Pinned = m.unread()
	return m.out
}
