// Package lunsweep is the map of a library that finds what a lost LUN left
// behind on a Linux host (multipath maps without a living path, and the SCSI
// disks under them), proves that it is dead and unused, removes it, proves that
// it is gone, and touches nothing else. This package itself exports nothing.
//
// Start with [github.com/lunsweep/lunsweep/remediate]: it surveys, judges,
// plans, executes and verifies. The packages below it each know one thing and
// can be used alone:
//
//	examples ─► remediate ─► multipath  scsi  blockprobe  diskbyid ─► sysfs
//
// An arrow from A to B says that A imports B. Packages of one column never
// import one another.
//
//   - sysfs: the kernel's tree under a root, and pins on SCSI devices
//   - scsi: one LU over SG_IO, and its sense
//   - multipath: topology as data, its printed forms, multipathd, device-mapper
//   - blockprobe: one bounded direct read, and the truth about hung ones
//   - diskbyid: which links in /dev/disk/by-id name an identity
//
// # Promises
//
// Nothing is removed unless it is proven dead, and is ours and unused, at plan
// time and again right before the act. What cannot be checked counts as in use,
// an unknown owner means hands off, and a path that merely does not answer is
// an outage. Devices are pinned by identity, never by name.
//
// Never: flushing all maps at once, reconfiguring multipathd, forced removals,
// unmounting, killing processes that are not ours, logging out sessions,
// rescanning the host, a shell, or a write to a block device.
//
// # Stability
//
// Before version 1 the API may change between minor versions, and then the
// README's changes say where. What importers see is listed in
// internal/archtest/testdata, and every function, type and method of it stands in
// an example that runs. The JSON of plans, surveys and reports only gains fields;
// a plan of another schema is refused. Decide by errors.Is and errors.As: the words
// of errors are for people, and may change at any time.
//
// # When not to use it
//
// For native NVMe multipathing (the kernel removes those devices itself), for
// DASD, and for taking down what stands on a device: file systems, LVM and LUKS
// are for their owner to close first.
package lunsweep
