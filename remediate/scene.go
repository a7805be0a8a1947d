package remediate

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A scene is one pass over everything that belongs to the host and not to one
// LU: it is read once, whatever the number of LUs.
type scene struct {
	blocks  []sysfs.Block
	devices []sysfs.SCSIDevice
	tables  []multipath.Table
	parts   []multipath.PartitionMap
	topo    *multipath.Topology
	usage

	claims map[string]claim // by kernel name; made only where a LU seems to be dead

	guard  guard
	closed *closed

	gaps  []Gap
	blind []string // what could not be checked about who uses what: counts as in use
	// unsure is why a mapping may have been missed: it counts where no open count
	// tells.
	unsure []string

	block map[string]*sysfs.Block            // by kernel name
	entry map[string]*multipath.Map          // the daemon's, by name
	mount map[sysfs.DevNum][]sysfs.Mount     // by device
	opens map[sysfs.DevNum][]sysfs.Opener    // by device
	table map[string]*multipath.Table        // by dm uuid
	disk  map[string]*sysfs.SCSIDevice       // by kernel name of the disk
	part  map[string]*multipath.PartitionMap // by dm uuid
}

// A Gap is something that a survey could not see.
type Gap struct {
	What string `json:"what"`
	Err  error  `json:"-"`
	Text string `json:"error"`
}

func (g Gap) String() string { return g.What + ": " + g.Text }

// look reads the scene. Only the block and SCSI devices are indispensable;
// anything else that cannot be read is a gap.
func (h *host) look(ctx context.Context) (*scene, error) {
	found, err := h.looks.get(ctx, func(ctx context.Context) (*scene, error) {
		sc, err := h.scene(ctx)
		if err != nil {
			return nil, err
		}
		sc.readMaps(ctx, h)
		return sc, ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	sc := *found
	sc.closed = &closed{}
	sc.gaps, sc.blind, sc.block = slices.Clone(sc.gaps), slices.Clone(sc.blind), maps.Clone(sc.block)
	return &sc, nil
}

// scene reads the block and SCSI devices alone.
func (h *host) scene(ctx context.Context) (*scene, error) {
	sc := &scene{}
	var err error
	if sc.blocks, err = h.Blocks(ctx); err != nil {
		return nil, opError("read the block devices", "", err)
	}
	if sc.devices, err = h.SCSIDevices(ctx); err != nil {
		return nil, opError("read the SCSI devices", "", err)
	}
	sc.index()
	return sc, nil
}

// above reads some block devices, what stands on them, and on that in turn. A device
// that is not there is left out.
func (h *host) above(ctx context.Context, names []string) (all []sysfs.Block, err error) {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for next := names; len(next) > 0; {
		found, err := h.FS.BlocksNamed(ctx, next)
		if err != nil {
			return nil, opError("read what stands on", strings.Join(names, ", "), err)
		}
		all, next = append(all, found...), nil
		for _, b := range found {
			for _, h := range slices.Concat(b.Holders, partitionHolders(b)) {
				if !seen[h] {
					seen[h] = true
					next = append(next, h)
				}
			}
		}
	}
	return all, nil
}

func partitionHolders(b sysfs.Block) (all []string) {
	for _, p := range b.Partitions {
		all = append(all, p.Holders...)
	}
	return all
}

func (sc *scene) index() {
	sc.block = make(map[string]*sysfs.Block, len(sc.blocks))
	for i := range sc.blocks {
		sc.block[sc.blocks[i].Name] = &sc.blocks[i]
	}
	sc.disk = make(map[string]*sysfs.SCSIDevice, len(sc.devices))
	for i := range sc.devices {
		if d := &sc.devices[i]; d.Block != "" {
			sc.disk[d.Block] = d
		}
	}
}

// readMaps reads the maps, from device-mapper and from the daemon at once.
func (sc *scene) readMaps(ctx context.Context, sys *host) {
	var wg sync.WaitGroup
	var topoErr error
	wg.Go(func() {
		// A survey does without it where a program of multipath's hangs on the disks.
		half, cancel := halfOf(ctx)
		defer cancel()
		sc.topo, topoErr = sys.Topology(half)
	})
	sc.readTables(ctx, sys)
	sc.gaps = nil // what is missing is told by the census, which reads them again
	wg.Wait()
	if topoErr != nil {
		sc.gap("multipathd's view of the paths", topoErr)
	}
	sc.indexTopology()
}

func (sc *scene) indexTopology() {
	if sc.topo == nil {
		return
	}
	sc.entry = make(map[string]*multipath.Map, len(sc.topo.Maps))
	for i := range sc.topo.Maps {
		if m := &sc.topo.Maps[i]; m.Foreign() == "" && sc.entry[m.Name] == nil {
			sc.entry[m.Name] = m
		}
	}
}

// readTables reads the maps' tables and open counts from device-mapper.
func (sc *scene) readTables(ctx context.Context, sys *host) {
	var err error
	sc.tables, err = sys.Tables(ctx)
	if errors.Is(err, fs.ErrNotExist) && !sc.anyMap() {
		return // a host without device-mapper
	}
	if err != nil {
		sc.cannotSee("the open counts and path states of the maps", err)
	} else if sc.parts, err = sys.Partitions(ctx); err != nil {
		sc.cannotSee("the open counts of the partition maps", err)
	}
	sc.table = make(map[string]*multipath.Table, len(sc.tables))
	for i := range sc.tables {
		sc.table[sc.tables[i].UUID] = &sc.tables[i]
	}
	sc.part = make(map[string]*multipath.PartitionMap, len(sc.parts))
	for i := range sc.parts {
		sc.part[sc.parts[i].UUID] = &sc.parts[i]
	}
}

func (sc *scene) anyMap() bool {
	return slices.ContainsFunc(sc.blocks, func(b sysfs.Block) bool { return b.DM != nil })
}

func (sc *scene) gap(what string, err error) {
	sc.gaps = append(sc.gaps, Gap{What: what, Err: err, Text: err.Error()})
}

// cannotSee notes a gap that leaves open who uses a device.
func (sc *scene) cannotSee(what string, err error) {
	sc.gap(what, err)
	sc.blind = append(sc.blind, fmt.Sprintf("%s could not be read: %v", what, err))
}
