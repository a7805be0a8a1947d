package scsi

import (
	"fmt"

	"github.com/pkg/errors"
)

// The SAM statuses that decide something here (SAM-5, 5.3).
const (
	statusGood           = 0x00
	statusCheckCondition = 0x02
	statusBusy           = 0x08
	statusTaskSetFull    = 0x28
)

// The kernel's host and driver statuses that decide something here
// (scsi/scsi_status.h, and scsi.h for driver statuses before Linux 5.14).
const (
	hostNoConnect = 0x01
	driverSense   = 0x08
)

// A StatusError says that a command came to an end that is not GOOD.
type StatusError struct {
	Op       string // "test unit ready", "inquiry", …
	Status   uint8  // SAM status
	Host     uint16 // Linux host status; other than 0, nobody knows what the LU says
	Driver   uint16 // Linux driver status
	Sense    Sense  // only if HasSense
	HasSense bool
	Raw      []byte // the sense data as received
}

// NotSupported reports whether the target itself says that it has no such LUN:
// CHECK CONDITION with sense 05/25/00 LOGICAL UNIT NOT SUPPORTED, about this
// command, over a path that works.
func (e *StatusError) NotSupported() bool {
	gone := Sense{Descriptor: e.Sense.Descriptor, Key: keyIllegalRequest, ASC: 0x25}
	return e.answered(statusCheckCondition) && e.HasSense && e.Sense == gone
}

// NoConnect reports whether the host adapter found nobody to send to
// (DID_NO_CONNECT): the LU, its target or the path to it is away. It cannot
// tell which, so it is no word of the target.
func (e *StatusError) NoConnect() bool { return e.Host == hostNoConnect }

// Lost reports whether the command or its answer was lost on the way (any host
// status but 0), so that nothing is known about the LU.
func (e *StatusError) Lost() bool { return e.Host != 0 }

// answered reports whether the LU answered with the SAM status want.
func (e *StatusError) answered(want uint8) bool { return e.Host == 0 && e.Status == want }

// attention reports whether the answer was spent on telling of an event, or on
// an earlier command, so that the same command is to be sent again.
func (e *StatusError) attention() bool {
	return e.answered(statusCheckCondition) && e.HasSense &&
		(e.Sense.Key == keyUnitAttention || e.Sense.Deferred)
}

// busy reports whether the LU asks to be asked later.
func (e *StatusError) busy() bool { return e.answered(statusBusy) || e.answered(statusTaskSetFull) }

func (e *StatusError) Error() string {
	switch {
	case e.Host != 0:
		return fmt.Sprintf("%s: host status %02xh%s", e.Op, e.Host, hostName(e.Host))
	case e.HasSense:
		return fmt.Sprintf("%s: sense %s", e.Op, e.Sense)
	case e.Status != 0:
		return fmt.Sprintf("%s: status %02xh%s", e.Op, e.Status, statusName(e.Status))
	}
	return fmt.Sprintf("%s: driver status %02xh", e.Op, e.Driver)
}

// statusOf is nil for an answer that is GOOD, or as good: a recovered error, or
// sense data that say nothing.
func statusOf(op string, r Reply) error {
	e := &StatusError{Op: op, Status: r.Status, Host: r.Host, Driver: r.Driver, Raw: r.Sense}
	if s, err := ParseSense(r.Sense); err == nil {
		e.Sense, e.HasSense = s, true
	}
	if e.good() {
		return nil
	}
	return errors.WithStack(e)
}

// good reports whether the command was carried out. Drivers may say "sense is
// there" beside either status.
func (e *StatusError) good() bool {
	if e.Host != 0 || e.Driver&^driverSense != 0 {
		return false
	}
	if e.Status == statusGood {
		return true
	}
	return e.Status == statusCheckCondition && e.HasSense && !e.Sense.Deferred &&
		(e.Sense.Key == keyRecovered || e.Sense.Key == keyNoSense)
}

func statusName(s uint8) string {
	switch s {
	case statusCheckCondition:
		return " check condition without sense"
	case 0x04:
		return " condition met"
	case statusBusy:
		return " busy"
	case 0x18:
		return " reservation conflict"
	case statusTaskSetFull:
		return " task set full"
	case 0x30:
		return " aca active"
	case 0x40:
		return " task aborted"
	}
	return ""
}

func hostName(h uint16) string {
	names := map[uint16]string{
		hostNoConnect: "no connect", 0x02: "bus busy", 0x03: "time-out",
		0x04: "bad target", 0x05: "abort", 0x06: "parity", 0x07: "error",
		0x08: "reset", 0x09: "bad interrupt", 0x0a: "pass-through",
		0x0b: "soft error", 0x0c: "retry", 0x0d: "requeue",
		0x0e: "transport disrupted", 0x0f: "transport fail-fast",
		0x10: "target failure", 0x11: "nexus failure",
		0x12: "allocation failure", 0x13: "medium error",
		0x14: "transport marginal",
	}
	if n, ok := names[h]; ok {
		return " " + n
	}
	return ""
}
