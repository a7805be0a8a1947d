// Package lockdir is a directory in which the processes of one host exclude one
// another, and leave notes for whoever comes after them.
//
// A lock is a BSD lock (flock(2)) on a file of its own. The kernel lets it go
// when its holder dies, however it dies. A note lies beside its lock, is written
// by the lock's holder only, as a whole or not at all and through to the disk,
// and stays when the holder dies: that is what it is for.
//
// Files are named by a digest of their key, so that no key leads out of the
// directory. The directory is for its owner alone; one that others may write to,
// or a link in its place, is refused. What a note says is data: whoever reads it
// must doubt it.
//
// Privileges: those of the directory. Concurrency: everything is safe for
// concurrent use but a single [Lock], which has one holder. On systems other
// than Linux and macOS nobody is excluded; no real host is one.
//
// # When not to use it
//
// On a network file system (a call that hangs there ends with its context and is
// left behind; see package park), and for locks that must outlive a process.
package lockdir
