package sysfs

import (
	"context"
	"strconv"
	"strings"
	"sync"
)

// Mappings looks through /proc/PID/maps of every process for block devices that
// are mapped into memory and that want says yes to: mmap(2) keeps a device open
// when its file descriptor is closed. The Openers that it returns have an FD of
// -1. The list cannot be read while the process changes it: one whose list does not
// come in time is blind.
//
// want may be called by several goroutines at once; nil wants all. This costs more than [FS.Openers]: do it where a mapping is the question. Needs
// root, and the host's /proc.
func (f *FS) Mappings(ctx context.Context, want func(DevNum) bool) (Openers, error) {
	if want == nil {
		want = func(DevNum) bool { return true }
	}
	return bounded(ctx, f, "mappings", func() (Openers, error) {
		pids, err := f.pids()
		if err != nil {
			return Openers{}, err
		}
		s := &openScan{fs: f, ctx: ctx, want: want, boot: sync.OnceValue(f.bootTime)}
		perProcess, err := each(ctx, pids, func(pid int) (opened, bool, error) {
			o := s.mapped(pid)
			return o, o.blind != nil || len(o.list) > 0, ctx.Err()
		})
		if err != nil {
			return Openers{}, err
		}
		return gather(perProcess), nil
	})
}

// mapped returns what a process has mapped.
func (s *openScan) mapped(pid int) opened {
	o := opened{pid: pid}
	file := s.fs.Path(procDir, strconv.Itoa(pid), "maps")
	text, err := ofProcess(s.ctx, s.fs.maps, pid, "maps", func() ([]byte, error) { return readFile(file) })
	if err != nil {
		o.unseen(err)
		return o
	}
	for _, m := range parseMaps(text) {
		devt, ok, err := s.mapping(pid, m)
		o.unseen(err)
		if ok && s.want(devt) {
			o.list = append(o.list, Opener{FD: -1, Path: m.path, Devt: devt, Write: m.shared && m.write})
		}
	}
	s.describe(&o)
	return o
}

// mapping returns the block device behind a mapping: by the kernel's link to the
// file itself, and by its name where there is no such link.
func (s *openScan) mapping(pid int, m mapLine) (DevNum, bool, error) {
	devt, ok, err := blockNode(s.fs.Path(procDir, strconv.Itoa(pid), "map_files", m.span))
	if err != nil {
		return s.fs.deviceNamed(m.path)
	}
	return devt, ok, nil
}

// A mapLine is one mapping of a file in /dev.
type mapLine struct {
	span          string // "7f0c1a2000-7f0c1a3000"
	write, shared bool
	path          string
}

// parseMaps reads those lines of /proc/PID/maps, proc_pid_maps(5), that may be of
// a block device:
//
//	7f0c1a2000-7f0c1a3000 rw-s 00000000 00:06 652    /dev/sdb
//	from-to               perm offset   dev   inode  path
func parseMaps(text []byte) []mapLine {
	var out []mapLine
	for line := range strings.Lines(string(text)) {
		at := strings.Index(line, " /"+devDir+"/")
		f := strings.Fields(line)
		if at < 0 || len(f) < 6 || len(f[1]) != 4 || !mayBeDevice(f[5]) {
			continue
		}
		out = append(out, mapLine{
			span: f[0], write: f[1][1] == 'w', shared: f[1][3] == 's',
			path: strings.TrimSuffix(line[at+1:], "\n"),
		})
	}
	return out
}
