package scsi

import (
	"context"
	"time"
)

// A Transport sends one command to one logical unit and brings the answer back.
// Package scsi's own sends by SG_IO; a simulated host brings its own.
//
// An error means that there is no answer; a bad status is no error.
type Transport interface {
	Do(ctx context.Context, cmd Command) (Reply, error)
}

// A Command is one command descriptor block, and the room for its answer.
type Command struct {
	CDB   []byte // 6 to 16 bytes
	Alloc int    // bytes of data to read; 0 for a command without data
	// Timeout is after how long the kernel aborts the command. It is not how
	// long the caller waits: that is the context's.
	Timeout time.Duration
}

// A Reply is what came back for a [Command].
type Reply struct {
	Data   []byte        // what the device sent, at most Alloc bytes
	Status uint8         // SAM status: 00h GOOD, 02h CHECK CONDITION, …
	Host   uint16        // Linux host status (DID_…); other than 0, the command or its answer was lost
	Driver uint16        // Linux driver status; 8 only says that sense data are there
	Sense  []byte        // as received, nil if none
	Took   time.Duration // as the kernel measured it, in its milliseconds
}
