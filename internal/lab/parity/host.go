package parity

import (
	"github.com/lunsweep/lunsweep/remediate"
)

// A Side is one of the two targets that every volume is reached through, each
// with a portal of its own.
type Side int

// The two sides.
const (
	A Side = iota
	B
)

// Sides are both.
func Sides() []Side { return []Side{A, B} }

// A Volume is one LU of the array, mapped to the host through both sides.
type Volume struct {
	Name  string
	LUN   int
	Queue bool // its map queues while it has no path; else it fails
	Bare  bool // multipath leaves its disks alone
	Twin  bool // behind side B is another LU, of another size, with the same WWID
}

// A Host is what the simulated host and a guest of the lab can both do. Volumes
// go by their names. Whatever is done has been noticed by multipathd and the
// kernel, as far as it ever will be, when the call returns; what goes wrong ends
// the test.
type Host interface {
	// WWID is the volume's, as multipath prints it.
	WWID(volume string) string
	// Sweeper is the library on this host. It owns everything and dwells as
	// short as makes sense, unless the options say otherwise.
	Sweeper(opts ...remediate.Option) *remediate.Sweeper
	// Remains is what is on the host of a volume.
	Remains(volume string) Remains

	// Watch has the library clear something. A real host sees that nothing is done but
	// what the report tells of, or what the scenario itself does aside.
	Watch(clear func() (*remediate.Report, error)) (*remediate.Report, error)
	Aside(do func())

	// Unmap takes a volume away on the array, behind both sides unless some are
	// named, and tells nobody.
	Unmap(volume string, from ...Side)
	// Restore maps it again as it was.
	Restore(volume string)
	// Remap gives the volume's LUN to a new one.
	Remap(volume string, on ...Side)
	// Cut makes the portals of the sides unreachable for longer than the
	// sessions wait. Mend brings them back.
	Cut(sides ...Side)
	Mend(sides ...Side)

	// Mount mounts the volume's map, and Unmount ends that.
	Mount(volume string)
	Unmount(volume string)
	// Stack puts LVM with an active logical volume on the map.
	Stack(volume string)
	// Partition makes a partition of the map, and its map.
	Partition(volume string)
	// Hold has a process open the map for writing, and LetGo ends it.
	Hold(volume string)
	LetGo(volume string)
	// Read starts a direct read of a map that queues and has no path: it waits.
	Read(volume string)
	// Suspend suspends the map, and Resume ends that.
	Suspend(volume string)
	Resume(volume string)
	// DeleteDisks deletes the volume's disks under its map, by hand.
	DeleteDisks(volume string)
	// Empty does so while somebody has the map open who then lets go of it.
	Empty(volume string)
	// SlowDelete makes the kernel take its time over deletes of the volume's
	// disk on side A, until HurryDelete has returned.
	SlowDelete(volume string)
	HurryDelete(volume string)
}

// Remains is what is on a host of one volume.
type Remains struct {
	Map      bool
	Queueing bool // the map, without a path
	Disks    int
	Readers  int // processes that wait for a read of the map
}
