// Package scsi asks one logical unit over the kernel's SG_IO ioctl whether it
// is there and who it is: TEST UNIT READY, INQUIRY, the vital product data
// pages 0x00, 0x80 and 0x83, and REPORT LUNS.
//
// What it says is live: the target's own words, not what the kernel remembers
// in sysfs. That is the difference that matters after a LUN was unmapped, or
// handed to another volume, behind the host's back.
//
//	d, err := scsi.Open(ctx, "/dev/sdi")
//	…
//	err = d.TestUnitReady(ctx)
//	var status *scsi.StatusError
//	if errors.As(err, &status) && status.NotSupported() {
//		// the target says, over a live path: there is no such LUN
//	}
//
// The decoders ([ParseInquiry], [ParseVPD], [ParseDesignators],
// [ParseReportLUNs], [ParseSense]) are pure and need no device; they serve for
// the pages that sysfs caches as well.
//
// # What is sent
//
// Only commands that transfer nothing to the device leave this package, and of
// those only three opcodes: 00h, 12h and A0h. The gate stands directly before
// the ioctl and has a test of its own.
//
// # Time
//
// A command to a blocked device can sleep in the kernel, where no signal ends
// it. Every ioctl, open and close therefore runs in a goroutine (and thread) of
// its own and is left behind when ctx or [WithTimeout] ends; it is listed by
// [Opener.Stuck] until it returns, and until then nothing further is sent through
// the same device node.
//
// The caller's patience is not the kernel's: the kernel gets half a minute
// before it aborts a command, as sd gives its own. A command that the kernel
// aborts starts error handling, up to resets that hit healthy neighbours on the
// same target, and that must not happen only because somebody was in a hurry.
//
// # Privileges
//
// The device node must be readable. The commands are on the kernel's list of
// those that need no capability on a whole disk. A partition's node needs
// CAP_SYS_RAWIO; give the disk's.
//
// # Concurrency
//
// A [Device] is safe for concurrent use and sends one command at a time.
//
// # Errors
//
// A command that was answered with anything but GOOD is a [*StatusError]. What
// did not get as far as an answer is an [*OpError]. An answer that makes no
// sense is a [*DecodeError]. No error of this package means "the LU is gone" by
// itself, except a [*StatusError] whose NotSupported is true.
//
// # When not to use
//
//   - To learn what the kernel knows already: sysfs has it without any I/O.
//   - On a multipath map's node: which path answers is chance, and without a
//     path the kernel may wait. Ask each path's disk.
//   - To read data, or for any command that changes something: it cannot.
//   - On NVMe namespaces: they speak no SCSI.
//
// References: SPC-4 (INCITS 513), SAM-5, and the kernel's scsi/sg.h.
package scsi
