package soak

// The array of the soak.
const (
	LUNs    = 8
	Portals = 2
)

// Nothing is what is mapped where the array has taken the LUN away; else it is
// volume 0 or 1.
const Nothing = -1

// A LUN is one LUN of the array, and how the host uses what it has of it.
type LUN struct {
	Mapped int  // the volume that is mapped there, or Nothing
	Last   int  // the volume that was mapped there last
	Use    Kind // Mount, Hold or Stack, "" for no use
	Used   int  // the volume that is used
}

// A Book is what the array and the users did up to now. The zero value is of no
// use; see Open.
type Book struct {
	LUN    [LUNs]LUN
	Down   [Portals]bool
	Frozen bool
}

// Open is the book of a host on which volume 0 of each LUN is mapped, and
// nothing else has happened.
func Open() *Book { return &Book{} }

// Enter enters an action that was done.
func (b *Book) Enter(a Action) {
	l := &b.LUN[a.LUN]
	switch a.Kind {
	case Unmap:
		l.Mapped = Nothing
	case Restore:
		l.Mapped = l.Last
	case Reuse:
		l.Last = 1 - l.Last
		l.Mapped = l.Last
	case Mount, Hold, Stack:
		l.Use, l.Used = a.Kind, l.Last
	case Umount, Release, Unstack:
		l.Use = ""
	case Cut:
		b.Down[a.Portal] = true
	case Mend:
		b.Down = [Portals]bool{}
	case Freeze, Thaw:
		b.Frozen = a.Kind == Freeze
	}
}

// Alive reports whether a volume is mapped.
func (b *Book) Alive(lun, volume int) bool { return b.LUN[lun].Mapped == volume }

// InUse reports whether the host uses a volume.
func (b *Book) InUse(lun, volume int) bool {
	return b.LUN[lun].Use != "" && b.LUN[lun].Used == volume
}

// Outage reports whether a portal is down.
func (b *Book) Outage() bool { return b.Down != [Portals]bool{} }

// lost counts the LUNs that are not what they were: unmapped, or used by who
// has the volume that was there before.
func (b *Book) lost() int {
	n := 0
	for _, l := range b.LUN {
		if l.Mapped == Nothing || l.Use != "" && l.Used != l.Mapped {
			n++
		}
	}
	return n
}

// Queues reports whether the maps of a LUN's volumes queue without paths.
func Queues(lun int) bool { return lun%2 == 0 }

// Mountable reports whether a volume holds a file system. Only maps that queue
// are mounted: an outage would cost the others their data by configuration.
func Mountable(lun, volume int) bool { return (lun == 2 || lun == 4) && volume == 0 }

// Ours reports whether a LUN's volumes are ours to remove. Those of LUN 6 belong
// to somebody else, and of those of LUN 7 nobody knows.
func Ours(lun int) bool { return lun < 6 }
