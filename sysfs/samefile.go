package sysfs

import "strconv"

// markSame marks the openers that have an open file with one before them: what dup(2) and
// fork(2) make of a descriptor is one open to the kernel.
func (s *openScan) markSame(list []Opener) {
	first := map[DevNum][]*Opener{}
	for i := range list {
		o := &list[i]
		if o.FD < 0 {
			continue
		}
		for _, other := range first[o.Devt] {
			o.Same = o.Same || s.sameFile(other, o)
		}
		if !o.Same {
			first[o.Devt] = append(first[o.Devt], o)
		}
	}
}

// sameFile asks kcmp(2). Where that may not be asked, two descriptors of one process that
// look alike are taken for one open: who counts too few opens misses no user.
func (s *openScan) sameFile(a, b *Opener) bool {
	if s.comparable() {
		if same, told := sharesFile(a.PID, b.PID, a.FD, b.FD); told {
			return same
		}
	}
	return a.PID == b.PID && s.alike(a, b)
}

func (s *openScan) alike(a, b *Opener) bool {
	of, err := s.info(strconv.Itoa(a.PID), strconv.Itoa(a.FD))
	if err != nil {
		return true
	}
	other, err := s.info(strconv.Itoa(b.PID), strconv.Itoa(b.FD))
	return err != nil || of == other
}
