// Package diskbyid reads /dev/disk/by-id, where udev keeps links that name disks
// by what they are: which link claims which identity, where it leads, which
// dangle, and which lead to another device than they claim. It waits until they
// are right after a change.
//
// It states facts and judges nothing, and it never makes or removes a link: that
// is udev's work, which follows the kernel's events.
//
// # Identities
//
// An identity is a WWID in the form of multipath and scsi_id: "3600…" for the
// link names scsi-3600…, wwn-0x600…, dm-uuid-mpath-3600… and their partitions.
// One disk has several (NAA, T10, vendor and serial), and links for each, so
// that a different identity is a contradiction only within one kind; see
// [Misleading].
//
// # Privileges
//
// None: the directory can be read by anybody.
//
// # Concurrency
//
// A [Dir] is safe for concurrent use.
//
// # Errors
//
// Errors wrap [fs.PathError]; a wait that its context ended is a [LeftError]. Each
// call ends with its context, even where /dev or /run hangs: what it leaves behind
// then is listed ([Dir.Stuck]), and holds a thread.
//
// # When not to use
//
// To find the disks of an identity, ask sysfs and the disks themselves: udev may
// be late, stuck, or absent, several disks (the paths of a map) claim the same
// link, and only one of them gets it. A link is a claim, never a proof.
package diskbyid
