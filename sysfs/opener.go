package sysfs

import (
	"context"
	"sync"
	"time"
)

// An Opener is one process that has a block device open, and the file descriptor
// that it has it by: its own, or the io_uring's that the device is registered
// with. A SCSI disk may be open by its generic node ("/dev/sg3", below
// "/dev/bsg"), which is not in the disk's open count. FD is -1 for one that is mapped into its memory, see [FS.Mappings].
type Opener struct {
	PID, FD int
	Comm    string // name of the process: "dd", "(udev-worker)"
	Path    string // what was opened, as the process sees it
	Devt    DevNum
	Write   bool      // could write: it was not opened O_RDONLY, or that cannot be told
	Blocked bool      // the process, or a thread of it, is in uninterruptible sleep
	WChan   string    // the kernel function that it sleeps in, where Blocked and to be seen
	Since   time.Time // when the process started
	Same    bool      // it is the open file of one before it in the list, which the kernel counts once (dup(2), fork(2))
}

// Openers are the processes of a host that have block devices open.
type Openers struct {
	List []Opener
	// Blind are the processes whose open files could not all be looked at.
	// What they have open is unknown.
	Blind []Blind
	// Unlisted are the processes that may have more open than is known: by an io_uring
	// whose registered files the kernel did not list (it is locked, or its table is empty,
	// which cannot be told apart), or by threads that are too many to look at one by one.
	// The open count of a device tells of such files.
	Unlisted []int
	// Namespaces are the mount namespaces that processes have open as files:
	// one that no process is in shows only here.
	Namespaces []Namespace
}

// A Blind is a process that could not be looked at, or not wholly. Err says why:
// it matches fs.ErrPermission for want of rights; otherwise the kernel did not
// answer in time, or not in a form that is known.
type Blind struct {
	PID int
	Err error
}

// Openers looks through /proc/PID/fd of every process for block devices that
// want says yes to; nil wants all. A process that ends meanwhile is no error.
//
// It never waits for a file system that may hang: what is on a network or FUSE
// file system is not touched (a device node there is not found), nor opened
// files read. Files registered with an io_uring are found by their names. Threads that
// have a table of files of their own are told by kcmp(2), or, where that may not be asked
// (in a container without the host's pid namespace), by other files, or other descriptor numbers. What has a
// device open without a file descriptor is not found: the kernel itself (a mount,
// swap, a holder), a process in the middle of opening or of exiting, a descriptor
// on its way through a socket, and a mapping ([FS.Mappings] finds that). The open
// count of the device tells of these.
//
// want may be called by several goroutines at once. Needs root, and the host's
// /proc: processes outside its PID namespace are not seen at all.
func (f *FS) Openers(ctx context.Context, want func(DevNum) bool) (Openers, error) {
	if want == nil {
		want = func(DevNum) bool { return true }
	}
	return bounded(ctx, f, "openers", func() (Openers, error) {
		pids, err := f.pids()
		if err != nil {
			return Openers{}, err
		}
		s := &openScan{fs: f, ctx: ctx, want: want, mounts: newMountTypes(f), boot: sync.OnceValue(f.bootTime), comparable: sync.OnceValue(f.ownNumbers), most: mostEntries}
		perProcess, err := each(ctx, pids, func(pid int) (opened, bool, error) {
			o, err := ofProcess(ctx, f.files, pid, "open files", func() (opened, error) { return s.process(pid), nil })
			if err != nil { // what does not come back may have anything open
				o = opened{pid: pid, blind: err}
			}
			return o, o.blind != nil || o.unlisted || len(o.list) > 0 || len(o.namespaces) > 0, ctx.Err()
		})
		if err != nil {
			return Openers{}, err
		}
		out := gather(perProcess)
		var tables []string
		for _, o := range perProcess {
			tables = append(tables, o.tables[:len(o.list)]...)
		}
		s.markSame(out.List, tables)
		return out, nil
	})
}

// An opened is what one process has open.
type opened struct {
	pid        int
	list       []Opener
	tables     []string // below /proc, whose table of files each of list is in
	namespaces []Namespace
	unlisted   bool  // there may be files that no list shows
	blind      error // why something of it was not seen, nil where all was
}

// unseen notes why something was not seen. That the process has ended is no
// reason.
func (o *opened) unseen(err error) {
	if o.blind == nil && err != nil && !ended(err) {
		o.blind = err
	}
}

func gather(perProcess []opened) Openers {
	var out Openers
	for _, o := range perProcess {
		out.List = append(out.List, o.list...)
		out.Namespaces = append(out.Namespaces, o.namespaces...)
		if o.unlisted {
			out.Unlisted = append(out.Unlisted, o.pid)
		}
		if o.blind != nil {
			out.Blind = append(out.Blind, Blind{PID: o.pid, Err: o.blind})
		}
	}
	return out
}
