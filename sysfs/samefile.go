package sysfs

import (
	"path"
	"strconv"
)

// markSame marks the openers that have an open file with one before them: what dup(2) and
// fork(2) make of a descriptor is one open to the kernel.
func (s *openScan) markSame(list []Opener, tables []string) {
	first := map[DevNum][]descriptor{}
	for i := range list {
		o := &list[i]
		if o.FD < 0 {
			continue
		}
		d := descriptor{o.PID, o.FD, tables[i]}
		for _, other := range first[o.Devt] {
			o.Same = o.Same || s.sameFile(other, d)
		}
		if !o.Same {
			first[o.Devt] = append(first[o.Devt], d)
		}
	}
}

// A descriptor is one of a table of open files, which a thread may have for itself.
type descriptor struct {
	pid, fd int
	table   string // below /proc
}

func (d descriptor) thread() int {
	tid, err := strconv.Atoi(path.Base(d.table))
	if err != nil {
		return d.pid
	}
	return tid
}

// sameFile asks kcmp(2). Where that may not be asked, two descriptors of one process that
// look alike are taken for one open: who counts too few opens misses no user.
func (s *openScan) sameFile(a, b descriptor) bool {
	if s.comparable() {
		if same, told := sharesFile(a.thread(), b.thread(), a.fd, b.fd); told {
			return same
		}
	}
	return a.pid == b.pid && s.alike(a, b)
}

func (s *openScan) alike(a, b descriptor) bool {
	of, err := s.info(a.table, strconv.Itoa(a.fd))
	if err != nil {
		return true
	}
	other, err := s.info(b.table, strconv.Itoa(b.fd))
	return err != nil || of == other
}
