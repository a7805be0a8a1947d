package sysfs

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// An fdTable is a table of open files, as one of the threads that share it shows it.
type fdTable struct {
	tid int
	dir string // below /proc
	fds []int

	links []string // what the files are, as far as it had to be compared; nil where one could not be read
	read  bool     // links were
}

// mostEntries is how many open files the threads of one process may show where the kernel
// does not tell which of them share a table: some tenths of a second's work.
const mostEntries = 200_000

// tables lists the tables of open files of a process. Its threads share one, but for
// those that have left it (unshare(2), CLONE_FILES) or whose first one has ended: a
// process that was killed while one of its threads sleeps in the kernel has a zombie for
// its first thread, and the sleeping one keeps all files.
func (s *openScan) tables(o *opened) []fdTable {
	own := strconv.Itoa(o.pid)
	fds, err := s.fds(own + "/fd")
	if err != nil {
		o.unseen(err)
		return nil
	}
	all := []fdTable{{tid: o.pid, dir: own, fds: fds}}
	tids, err := s.fs.tasks(o.pid)
	o.unseen(err)
	entries := 0 // that were listed to find out which threads share their files
	for _, tid := range tids {
		if tid == o.pid || s.sameTable(all, tid) {
			continue
		}
		if entries > s.most {
			o.unlisted = true
			break
		}
		dir := own + "/task/" + strconv.Itoa(tid)
		fds, err := s.fds(dir + "/fd")
		if err != nil {
			o.unseen(err)
			continue
		}
		entries += len(fds)
		if t := (fdTable{tid: tid, dir: dir, fds: fds}); len(fds) > 0 && !s.looksLike(all, &t) {
			all = append(all, t)
		}
	}
	return all
}

// sameTable reports whether the kernel says that a thread shares one of the tables.
func (s *openScan) sameTable(all []fdTable, tid int) bool {
	return s.comparable() && slices.ContainsFunc(all, func(t fdTable) bool {
		same, told := sharesFiles(t.tid, tid)
		return told && same
	})
}

// looksLike reports, where the kernel does not tell, whether one of the tables has the
// same files by the same numbers.
func (s *openScan) looksLike(all []fdTable, other *fdTable) bool {
	for i := range all {
		t := &all[i]
		if s.comparable() {
			if _, told := sharesFiles(t.tid, other.tid); told {
				continue
			}
		}
		if !slices.Equal(t.fds, other.fds) {
			continue
		}
		if a, b := s.links(t), s.links(other); a != nil && slices.Equal(a, b) {
			return true
		}
	}
	return false
}

// links reads what the files of a table are, nil where one of them cannot be told: it may
// be any.
func (s *openScan) links(t *fdTable) []string {
	if t.read {
		return t.links
	}
	t.read = true
	files, err := openDir(s.fs.Path(procDir, t.dir, "fd"))
	if err != nil {
		return nil
	}
	defer files.close()
	links := make([]string, len(t.fds))
	for i, fd := range t.fds {
		if links[i], err = files.readlink(strconv.Itoa(fd)); err != nil {
			return nil
		}
	}
	t.links = links
	return links
}

// ownNumbers reports whether the processes of /proc have there the numbers by which this
// one may call them: it is the procfs of our own pid namespace.
func (f *FS) ownNumbers() bool {
	text, err := readFile(f.Path(procDir, "self", "status"))
	if err != nil || !f.live {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return slices.Equal(strings.Fields(numbers), []string{strconv.Itoa(os.Getpid())})
		}
	}
	return false
}

// table looks at the files of one table.
func (s *openScan) table(o *opened, t fdTable) {
	files, err := openDir(s.fs.Path(procDir, t.dir, "fd"))
	if err != nil {
		o.unseen(err)
		return
	}
	defer files.close()
	for _, fd := range t.fds {
		o.unseen(s.file(o, files, t.dir, fd))
	}
}
