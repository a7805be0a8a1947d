package sysfs

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Namespace is a mount namespace that a process has open as a file.
type Namespace struct {
	ID      uint64 // its inode number
	PID, FD int    // who has it open
}

// nsWait is how long opening and entering one namespace may take: the file that
// stands for it may be on a mount that hangs.
const nsWait = time.Second

// MountsIn reads the mounts of namespaces that [FS.Openers] found open as files
// and [FS.Mounts] has not seen. A thread of this process enters each of them
// for a moment; nothing in it is touched. One that cannot be entered is in
// [Mounts.Pinned]. Needs root.
func (f *FS) MountsIn(ctx context.Context, namespaces []Namespace) (Mounts, error) {
	return bounded(ctx, f, "namespaces", func() (Mounts, error) {
		s := newMountScan(ctx, f)
		for _, n := range namespaces {
			if s.entered(n.ID) {
				continue
			}
			s.pinned[n.ID] = f.Path(procDir, strconv.Itoa(n.PID), "fd", strconv.Itoa(n.FD))
			if err := s.enterPinned(); err != nil {
				return Mounts{}, err
			}
		}
		return s.result(), nil
	})
}

func (m *mountScan) entered(ns uint64) bool {
	_, tried := m.pinned[ns]
	return tried || m.read[view{ns: ns, root: "/"}]
}

// enterPinned reads the namespaces that no process is in and that some mount or
// open file keeps. What keeps another namespace there has no path from here, and
// stays unread.
func (m *mountScan) enterPinned() error {
	for v := range m.read {
		delete(m.pinned, v.ns)
	}
	for ns, path := range m.pinned {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		if path == "" {
			continue
		}
		m.pinned[ns] = "" // one try
		lines, err := m.fs.pinnedMounts(m.ctx, ns, path)
		if err != nil {
			continue // it stays pinned, and so unknown
		}
		delete(m.pinned, ns)
		s := seat{view: view{ns: ns, root: "/"}, via: path}
		m.read[s.view] = true
		m.add(s, lines)
	}
	return nil
}

func (f *FS) pinnedMounts(ctx context.Context, ns uint64, path string) ([]mountLine, error) {
	ctx, cancel := context.WithTimeout(ctx, nsWait)
	defer cancel()
	key := "scan namespace " + strconv.FormatUint(ns, 10)
	text, err := park.Do(ctx, f.mounts, key, func() ([]byte, error) { return f.mountInfoInside(ns, path) })
	if err != nil {
		return nil, err
	}
	return parseMountInfo(text)
}

// unread are the namespaces that could not be looked into.
func (m *mountScan) unread() []uint64 {
	var out []uint64
	for ns := range m.pinned {
		out = append(out, ns)
	}
	slices.Sort(out)
	return out
}
