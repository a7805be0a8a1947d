// Package guest is what the lab's scenarios break a host with, and look at it
// with: fault makers (vanishing LUNs, an iSCSI target that unmaps, outages,
// queueing maps, stuck readers), users of devices (mounts, swap, LVM, a mount
// in another namespace) and oracles that are programs of others (dmsetup,
// multipath, sg3-utils, lsscsi).
//
// Privileges: root, in a guest of the lab. It loads modules, writes to disks
// and starts daemons, and cleans up only what hinders the guest's own end.
// Concurrency: the helpers are for one test at a time, from its goroutine.
// Errors: a helper that cannot do its work ends the test with the command's
// output; oracles that may rightly fail return an error instead.
//
// # When not to use
//
// Never on a machine that matters, and never from the library itself: the
// oracles must stay strangers to the code that they check.
package guest
