// Package blockprobe reads the first mebibyte of a block device once, directly
// (open(2) with O_RDONLY|O_DIRECT, pread(2), close(2)), and says what came of it
// within a bounded time.
//
//	p := blockprobe.New()
//	r := p.Probe(ctx, blockprobe.Target{Node: "/dev/dm-12", Key: wwid, Usable: -1})
//	switch r.Outcome {
//	case blockprobe.Unreadable: // the kernel says so
//	case blockprobe.Hung:       // p.Stuck() lists the read until it ends
//	…
//
// It is the runbook's "dd if=/dev/dm-12 iflag=direct", with the hang as an
// answer instead of a hung shell.
//
// # Outcomes
//
// They are never mixed up, and the zero value says nothing:
//
//	readable    data came back. Not "healthy": after a LUN number was reused, it
//	            is somebody else's data. Identity is for package scsi to check
//	unreadable  the kernel answered with an error of a lost device: EIO,
//	            EREMOTEIO, ENOLINK, ETIMEDOUT, ENODEV, ENXIO, or no data at all.
//	            Not "gone": an outage reads the same
//	hung        no answer within the time-out
//	skipped     not read, for the read would have hung for certain
//	other       an error that does not speak of a lost device; an LU that answers
//	            "bad sector" or "reserved" is there
//	unknown     nothing was learnt: given up before its time, or not started
//
// What they look like on Linux 7.2:
//
//	map or disk in health                             data, in milliseconds
//	map without a path, no_path_retry fail            EIO
//	LUN that is unmapped, and the path says so        EIO
//	LUN 0 of LIO that is unmapped                     EREMOTEIO
//	disk in state offline or transport-offline        ENXIO, from open already
//	disk in state blocked                             hung, until the transport's time-out
//	map without a path, queueing                      hung, until queueing ends
//	node that leads to no device                      ENXIO
//	device of size zero                               no data
//	device shorter than 1 MiB                         what there is: readable
//
// ENXIO is what a session that has been down for long gives, too. Whoever wants
// the word of a read that was made should ask errors.Is(r.Err, syscall.EIO).
//
// # Hung reads
//
// A read from a queueing map sleeps in state D. Neither a context, nor closing
// the file, nor a signal ends it; only the kernel's answer does. So the Prober
// leaves it behind, in its goroutine, its thread and its buffer, counts it, and
// starts no second one under the same key. [WithLate] tells of its end.
//
// While it lasts,
//
//   - the process cannot end. os.Exit and kill -9 end every thread but the one
//     that reads: the process stays, in state D, with its descriptors open, and
//     its parent waits in wait(2) until the read ends (Linux 7.2). Only then does
//     it get the exit status.
//   - the open descriptor counts as an opener, so `multipath -f` says that the
//     map is in use.
//
// What ends it is the map: dmsetup message MAP 0 fail_if_no_path, or multipathd
// disablequeueing map NAME. The read then returns EIO at once, and the process
// that was told to exit does so. For a blocked disk it is the transport's
// time-out (recovery_tmo of an iSCSI session, fast_io_fail_tmo of an FC port).
//
// Other ways to read do not help. This is what becomes of a process that has
// begun to read a queueing map without a path, and exits (Linux 7.2;
// TestExitBesideHungRead of the lab shows each):
//
//	pread(2) in a thread      it cannot end, and stays in state D
//	io_submit(2)              it cannot end: a zombie, waiting for its request
//	a process of its own      it ends, and the reader stays in its stead. Where it
//	                          is the first of a pid namespace, as in a container, it
//	                          cannot end before the reader does
//	io_uring_enter(2)         it ends, and the map stays open by nobody whom /proc
//	                          shows: an open count that cannot be explained, which
//	                          is what every careful remover takes for a user
//	a path's disk, any way    it ends: the SCSI layer ends the read
//
// So a thread is what this package reads in: it is named for as long as it
// hangs. Tell the Prober what is known of a map ([Target].Queueing and Usable),
// and it does not read where it must hang; and of a map that queues and has
// usable paths, read a path's disk instead, for the last path can be lost in the
// midst of the read.
//
// # Privileges
//
// The node must be readable: root or group disk, as a rule.
//
// # Concurrency
//
// A [Prober] is safe for concurrent use. One for the whole process keeps one
// count of what is stuck.
//
// # When not to use
//
//   - To find out whether a LUN is still mapped: ask the target (package scsi).
//   - As a path checker: multipathd has one.
//   - For files: the read works, but the outcomes mean nothing.
package blockprobe
