// Package sysfs reads the Linux kernel's own tree of disks, device-mapper maps
// and SCSI devices, and the parts of /proc that say who uses them, under a root
// that the caller names: "/" on the host itself, "/host" in a container that
// has the host's file system there.
//
// It states facts and judges nothing. It starts no program and opens no device node but
// those of loop devices, to ask each for its backing file's file system
// (LOOP_GET_STATUS64). The only things it ever writes are the attributes "state" and
// "delete" of a SCSI device, through a [Pin].
//
// What is read, all of it below the root:
//
//	/sys/block/*                     [FS.Blocks], [FS.Block]
//	/sys/class/block/*/dev           device numbers of names
//	/sys/bus/scsi/devices/H:C:T:L    [FS.SCSIDevices], [FS.SCSIDevice], [FS.SCSIAddresses], [FS.Pin]
//	/sys/class/iscsi_session, fc_remote_ports, sas_device, sas_phy   [FS.Transport]
//	/dev/…                           numbers of nodes, links followed: [FS.Resolve]
//	/sys/fs/btrfs/*/devices          members of a mounted btrfs, for [FS.Mounts]
//	/proc/PID/{ns/mnt,root,mountinfo}                                [FS.Mounts]
//	/proc/PID/{fd,fdinfo,stat,wchan,task}                            [FS.Openers]
//	/proc/PID/{maps,map_files}                                       [FS.Mappings]
//	/sys/kernel/config/{target,nvmet}, /sys/bus/xen-backend          [FS.Exports]
//	/proc/cmdline                                                    [FS.BootDevices]
//	/proc/swaps, /proc/stat, /proc/sys/kernel/{hostname,random/boot_id}
//
// # Privileges
//
// Disks, maps, SCSI devices and transports can be read by anybody. Mounts and
// openers of other users' processes need root (CAP_SYS_PTRACE), and the host's
// /proc, that is its PID namespace; what could not be read is named in the
// result as Blind and is never silently left out. Writing needs root and a
// sysfs that is mounted read-write.
//
// # Concurrency
//
// An [FS] and a [Pin] are safe for concurrent use. What they return belongs to
// the caller. Every call that takes a context returns when the context ends,
// whatever the kernel does: a call that does not come back is left to itself,
// counted, and listed by [FS.Stuck].
//
// # Errors
//
// Errors are [fs.PathError] or wrap one, but for those of a context and for a
// call that does not come back (which match [context.DeadlineExceeded] or
// [context.Canceled]). What is not there, or no longer, matches
// [fs.ErrNotExist], ENODEV included; text that cannot be understood is a
// [ParseError].
//
// # Root without a kernel
//
// A root whose /proc is no procfs (a captured or a simulated host) is taken at
// its word: the links below /proc/PID/fd are text there, and a device node is
// known by its name in /sys/class/block or /sys/block.
//
// # When not to use
//
// To follow devices as they come and go, listen to udev instead of polling
// [FS.Blocks]. To learn a device's identity now, ask the device: the wwid and
// vpd_pg83 here are what the kernel remembers from the last scan, and stay the
// same when the LUN behind them is another one. To learn whether one path is
// a mount point, use statx or openat2; [FS.Mounts] reads every mount namespace
// of the host.
package sysfs
