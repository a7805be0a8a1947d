package sysfs

import (
	"context"
	"path"
	"slices"
	"strings"
)

const (
	blockDir      = "block"
	classBlockDir = "class/block"
	sectorSize    = 512 // the unit of the attribute size, whatever the disk's own block is
)

// A Block is one entry of /sys/block: a whole disk or a map, no partition.
type Block struct {
	Name        string      // kernel name: "sdi", "dm-12", "cciss!c0d0"
	Devt        DevNum      // dev
	Size        uint64      // size, in bytes
	DiskSeq     uint64      // diskseq: counts up with every disk of this boot; 0 before Linux 5.15
	ReadOnly    bool        // ro
	Holders     []string    // holders: kernel names of what is built on it, sorted
	Slaves      []string    // slaves: kernel names of what it is built on, and is still there, sorted
	Gone        []string    // slaves: kernel names of what it was built on, and has gone, sorted
	Partitions  []Partition // subdirectories with a file partition, sorted
	DM          *DM         // dm/…; nil where it is no device-mapper device
	SCSI        *HCTL       // where the link device leads to; nil where that is no SCSI device
	BackingFile string      // loop/backing_file; "" where it is no loop device, or has none
}

// A Partition is a partition that the kernel made of a disk. Partitions of
// multipath maps are none of these: kpartx makes them as maps of their own, see
// [DM.Partition].
type Partition struct {
	Name    string   // "sda1", "nvme0n1p1"
	Devt    DevNum   // dev
	Holders []string // holders, sorted
}

// Blocks reads all of /sys/block, sorted by name as [CompareNames] does. A
// device that goes away meanwhile is left out; that /sys/block is not there at
// all is an error, since every kernel with a disk has it.
func (f *FS) Blocks(ctx context.Context) ([]Block, error) {
	return bounded(ctx, f, blockDir, func() ([]Block, error) {
		top, err := openDir(f.Path(sysDir, blockDir))
		if err != nil {
			return nil, err
		}
		defer top.close()
		names, err := top.names()
		if err != nil {
			return nil, err
		}
		slices.SortFunc(names, CompareNames)
		return readBlocks(ctx, top, names)
	})
}

// BlocksNamed reads these devices of /sys/block, in the order of names. Those that
// are not there, or go away meanwhile, are left out.
func (f *FS) BlocksNamed(ctx context.Context, names []string) ([]Block, error) {
	for _, name := range names {
		if err := component("open", name); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, ctx.Err()
	}
	return bounded(ctx, f, strings.Join(names, " ")+" of "+blockDir, func() ([]Block, error) {
		top, err := openDir(f.Path(sysDir, blockDir))
		if err != nil {
			return nil, err
		}
		defer top.close()
		return readBlocks(ctx, top, names)
	})
}

// Loops reads the loop devices of /sys/block, sorted.
func (f *FS) Loops(ctx context.Context) ([]Block, error) {
	return bounded(ctx, f, "loop devices of "+blockDir, func() ([]Block, error) {
		top, err := openDir(f.Path(sysDir, blockDir))
		if err != nil {
			return nil, err
		}
		defer top.close()
		names, err := top.rest()
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "loop") })
		slices.SortFunc(names, CompareNames)
		return readBlocks(ctx, top, names)
	})
}

func readBlocks(ctx context.Context, top dir, names []string) ([]Block, error) {
	return each(ctx, names, func(name string) (Block, bool, error) {
		b, err := readBlock(top, name)
		return presence(b, err)
	})
}

// Block reads /sys/block/<name>. A device that is not there, or goes away
// meanwhile, gives an error that matches [fs.ErrNotExist].
func (f *FS) Block(ctx context.Context, name string) (Block, error) {
	if err := component("open", name); err != nil {
		return Block{}, err
	}
	return bounded(ctx, f, blockDir+"/"+name, func() (Block, error) {
		top, err := openDir(f.Path(sysDir, blockDir))
		if err != nil {
			return Block{}, err
		}
		defer top.close()
		return readBlock(top, name)
	})
}

// presence makes of "not there" a result that is left out.
func presence[T any](v T, err error) (T, bool, error) {
	if absent(err) {
		return v, false, nil
	}
	return v, err == nil, err
}

// readBlock reads one device of the directory top. What its directory lists
// must be readable to the end, or the device is going away.
func readBlock(top dir, name string) (Block, error) {
	d, err := top.sub(name)
	if err != nil {
		return Block{}, err
	}
	defer d.close()
	entries, err := d.rest()
	if err != nil {
		return Block{}, err
	}
	a := attrsOf(d)
	defer a.free()
	b := Block{Name: name}
	for _, entry := range entries {
		a.blockEntry(&b, entry)
	}
	slices.SortFunc(b.Partitions, func(x, y Partition) int { return CompareNames(x.Name, y.Name) })
	// Last, and always: what still has a number has not gone meanwhile.
	b.Devt = a.devNum("dev")
	if a.err != nil {
		return Block{}, a.err
	}
	return b, nil
}

// blockEntry reads what one entry of a device's directory says of b.
func (a *attrs) blockEntry(b *Block, entry string) {
	switch entry {
	case "size":
		b.Size = a.number(entry) * sectorSize
	case "diskseq":
		b.DiskSeq = a.number(entry)
	case "ro":
		b.ReadOnly = a.flag(entry)
	case "holders":
		b.Holders = a.list(entry)
	case "slaves":
		b.Slaves, b.Gone = a.living(entry)
	case "dm":
		b.DM = a.dm(entry)
	case "device":
		b.SCSI = a.scsiParent(entry)
	case "loop":
		b.BackingFile = a.optional(entry + "/backing_file")
	default:
		if strings.HasPrefix(entry, b.Name) {
			a.partition(b, entry)
		}
	}
}

// scsiParent returns the address of the SCSI device that a link leads to, nil
// if it leads to another kind of device.
func (a *attrs) scsiParent(link string) *HCTL {
	if a.err != nil {
		return nil
	}
	var target string
	if target, a.err = a.dir.readlink(link); a.err != nil {
		return nil
	}
	h, err := ParseHCTL(path.Base(target))
	if err != nil {
		return nil
	}
	return &h
}

// partition adds the partition in the subdirectory name, if it is one. That it
// goes away meanwhile (a partition table is read again) does not make its disk
// go away.
func (a *attrs) partition(b *Block, name string) {
	if a.err != nil || a.optional(name+"/partition") == "" {
		return
	}
	sub := attrs{dir: a.dir}
	p := Partition{Name: name, Holders: sub.list(name + "/holders"), Devt: sub.devNum(name + "/dev")}
	if sub.err == nil {
		b.Partitions = append(b.Partitions, p)
	} else if !absent(sub.err) {
		a.err = sub.err
	}
}
