package soak

import "fmt"

// A Kind is one kind of thing that happens to a host.
type Kind string

// The kinds. A volume is one of the two backstores that share a LUN in turn.
const (
	Unmap      Kind = "unmap"       // the array takes the LUN away
	Restore    Kind = "restore"     // it maps the same volume there again
	Reuse      Kind = "reuse"       // it gives the LUN to the other volume
	Cut        Kind = "cut"         // a portal cannot be reached any more
	Mend       Kind = "mend"        // every portal can be reached again
	Rescan     Kind = "rescan"      // the host looks for new LUNs
	DeletePath Kind = "delete-path" // somebody deletes a disk by hand
	Mount      Kind = "mount"       // the LUN's volume is mounted and written to
	Umount     Kind = "umount"
	Hold       Kind = "hold" // a process opens the map and does nothing
	Release    Kind = "release"
	Stack      Kind = "stack" // a device-mapper device is put on the map
	Unstack    Kind = "unstack"
	Read       Kind = "read"    // a dd reads the map once, and may get stuck
	Restart    Kind = "restart" // multipathd is stopped and started
	Crash      Kind = "crash"   // multipathd is killed and started
	Freeze     Kind = "freeze"  // multipathd is stopped in its tracks
	Thaw       Kind = "thaw"
)

// An Action is one thing that happens. LUN and Portal mean something to the
// kinds that need them only.
type Action struct {
	Kind   Kind
	LUN    int
	Portal int
}

func (a Action) String() string {
	switch a.Kind {
	case Cut:
		return fmt.Sprintf("%s portal %d", a.Kind, a.Portal)
	case DeletePath:
		return fmt.Sprintf("%s of LUN %d through portal %d", a.Kind, a.LUN, a.Portal)
	case Mend, Rescan, Restart, Crash, Freeze, Thaw:
		return string(a.Kind)
	}
	return fmt.Sprintf("%s LUN %d", a.Kind, a.LUN)
}

// A Round is what happens before a sweep, and what happens in its midst: after
// it has planned, before it acts.
type Round struct {
	Before, Between []Action
	// Command says that the sweep command does the sweep, which nothing can
	// interrupt between plan and act.
	Command bool
}

// End is the kind that ends a kind of use; "" for what is none.
func End(use Kind) Kind {
	switch use {
	case Mount:
		return Umount
	case Hold:
		return Release
	case Stack:
		return Unstack
	}
	return ""
}
