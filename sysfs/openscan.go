package sysfs

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
)

// From <fcntl.h>, in the values of every architecture that Go runs on.
const (
	accessMode = 3
	pathOnly   = 0o10000000 // O_PATH: names the file, does not open the device
)

// ticks is USER_HZ, the unit of times in /proc/PID/stat.
const ticks = 100

// statWait is how long a file on a mount that nobody can name may take to tell
// what it is.
const statWait = time.Second

// An openScan looks through the open files of processes.
type openScan struct {
	fs     *FS
	ctx    context.Context
	want   func(DevNum) bool
	mounts *mountTypes
	boot   func() time.Time // zero if it could not be told

	comparable func() bool // whether the kernel can be asked which threads share their files
	most       int         // see mostEntries
}

// process returns what a process has open.
func (s *openScan) process(pid int) opened {
	o := opened{pid: pid}
	for _, t := range s.tables(&o) {
		s.table(&o, t)
	}
	s.describe(&o)
	return o
}

// fds lists a directory fd. In a captured tree a plain file stands for one that
// whoever captured it was not allowed to list.
func (s *openScan) fds(dir string) ([]int, error) {
	path := s.fs.Path(procDir, dir)
	fds, err := numbersIn(path)
	if !s.fs.live && errors.Is(err, syscall.ENOTDIR) {
		err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	return fds, err
}

// file looks at one file descriptor of the process in proc: a block device, a
// mount namespace, or an io_uring, which may hold files of its own.
func (s *openScan) file(o *opened, files dir, proc string, fd int) error {
	name := strconv.Itoa(fd)
	link, err := files.readlink(name)
	switch {
	case err != nil:
		return err
	case mayBeDevice(link):
		return s.blockFile(o, files, proc, fd, link)
	case strings.HasPrefix(link, "mnt:["):
		if ns, err := parseNamespace(link); err == nil {
			o.namespaces = append(o.namespaces, Namespace{ID: ns, PID: o.pid, FD: fd})
		}
	case link == ringLink:
		return s.ring(o, proc, fd)
	}
	return nil
}

func (s *openScan) blockFile(o *opened, files dir, proc string, fd int, link string) error {
	name := strconv.Itoa(fd)
	info, err := s.info(proc, name)
	if err != nil || info.flags&pathOnly != 0 {
		return err
	}
	devt, ok, err := s.device(files, proc, name, link, info)
	if err != nil || !ok || !s.want(devt) {
		return err
	}
	o.tables = append(o.tables, proc)
	o.list = append(o.list, Opener{FD: fd, Path: link, Devt: devt, Write: info.flags&accessMode != 0})
	return nil
}

// notDevices are the beginnings of paths, as /proc/PID/fd shows them, that are
// no block device and that many processes have open.
var notDevices = [...]string{"/dev/null", "/dev/pts/", "/dev/urandom", "/dev/shm/", "/memfd:", "/dmabuf:", "/["}

// mayBeDevice reports whether the text of a link in /proc/PID/fd may be the path
// of a block device. Sockets, pipes and the like are "socket:[123]".
func mayBeDevice(link string) bool {
	if !strings.HasPrefix(link, "/") {
		return false
	}
	return !slices.ContainsFunc(notDevices[:], func(p string) bool { return strings.HasPrefix(link, p) })
}

func (s *openScan) info(proc, fd string) (fdInfo, error) {
	file := s.fs.Path(procDir, proc, "fdinfo", fd)
	text, err := readFile(file)
	if err != nil {
		return fdInfo{}, err
	}
	info, err := parseFDInfo(text)
	return info, pathError("parse", file, err)
}

// device returns the number of the block device that a file descriptor is of, by
// its own node or its generic one, and false if it is of anything else, or of a
// file that must not be touched.
func (s *openScan) device(files dir, proc, fd, link string, info fdInfo) (DevNum, bool, error) {
	inDev := strings.HasPrefix(link, "/"+devDir+"/")
	if !s.fs.live {
		return s.byName(link, inDev)
	}
	if inDev {
		return s.fs.diskNode(files.join(fd), link)
	}
	switch s.mounts.of(proc, info.mount) {
	case mountLocal:
		return s.fs.diskNode(files.join(fd), link)
	case mountRemote:
		return DevNum{}, false, nil
	}
	return s.unsure(files.join(fd), link, info.mount)
}

// byName is device in a tree without a kernel behind it.
func (s *openScan) byName(link string, inDev bool) (DevNum, bool, error) {
	if !inDev {
		return DevNum{}, false, nil
	}
	if d := s.fs.node(link); !d.IsZero() {
		return d, true, nil
	}
	return s.fs.genericNamed(link)
}

// unsure is device for a file on a mount that is in no mountinfo: one that was
// taken away while the file stayed open, or one of the kernel's own. It may
// hang, so it is asked one at a time, and a mount that hangs is asked once.
func (s *openScan) unsure(path, link string, mount uint64) (DevNum, bool, error) {
	type answer struct {
		devt DevNum
		ok   bool
	}
	s.fs.unsure.Lock()
	defer s.fs.unsure.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, statWait)
	defer cancel()
	key := "read a file on mount " + strconv.FormatUint(mount, 10)
	a, err := park.Do(ctx, s.fs.mounts, key, func() (answer, error) {
		devt, ok, err := s.fs.diskNode(path, link)
		return answer{devt, ok}, err
	})
	return a.devt, a.ok, err
}

// describe fills in what is the same for all files of a process. One that has
// ended meanwhile has nothing open.
func (s *openScan) describe(o *opened) {
	if len(o.list) == 0 {
		return
	}
	stat, err := s.stat(strconv.Itoa(o.pid))
	if err != nil {
		o.list = nil
		o.unseen(err)
		return
	}
	blocked, wchan := s.blocked(o.pid)
	for i := range o.list {
		e := &o.list[i]
		e.PID, e.Comm, e.Blocked, e.WChan = o.pid, stat.comm, blocked, wchan
		if boot := s.boot(); !boot.IsZero() {
			e.Since = boot.Add(time.Duration(stat.start) * (time.Second / ticks))
		}
	}
}

func (s *openScan) stat(dir string) (procStat, error) {
	file := s.fs.Path(procDir, dir, "stat")
	text, err := readFile(file)
	if err != nil {
		return procStat{}, err
	}
	stat, err := parseProcStat(text)
	return stat, pathError("parse", file, err)
}

// blocked looks for a thread in uninterruptible sleep, and for where it sleeps:
// wchan is "0" where it does not, and where we may not know.
func (s *openScan) blocked(pid int) (blocked bool, wchan string) {
	tids, _ := s.fs.tasks(pid)
	for _, tid := range tids {
		dir := strconv.Itoa(pid) + "/task/" + strconv.Itoa(tid)
		if stat, err := s.stat(dir); err != nil || stat.state != 'D' {
			continue
		}
		text, _ := readFile(s.fs.Path(procDir, dir, "wchan"))
		if w := strings.TrimSpace(string(text)); w != "0" {
			wchan = w
		}
		return true, wchan
	}
	return false, ""
}

// bootTime returns when the host was started, zero if it cannot be told.
func (f *FS) bootTime() time.Time {
	text, err := readFile(f.Path(procDir, "stat"))
	if err != nil {
		return time.Time{}
	}
	seconds, err := parseBootTime(text)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
