package sysfs

import (
	"context"
	"strings"
)

// A Loop is one loop device that stands over something.
type Loop struct {
	Name string // "loop0"
	Devt DevNum
	File string // loop/backing_file: what it stands over, as its maker saw it
	// Over is the block device that it stands over, zero where that is a file.
	Over DevNum
	// On is the device of the file system that the file is on, zero where that
	// cannot be told.
	On DevNum
}

// Backings lists the loop devices that stand over something: sysfs names the
// file, and the ioctl LOOP_GET_STATUS64 tells what it is, whatever its name is by
// now. Where the ioctl cannot be had (no root, a tree without a kernel behind it)
// it is told by its name. Nothing is read of what they stand over.
func (f *FS) Backings(ctx context.Context) ([]Loop, error) {
	loops, err := f.Loops(ctx)
	if err != nil {
		return nil, err
	}
	return bounded(ctx, f, "what loop devices stand over", func() ([]Loop, error) {
		return each(ctx, loops, func(b Block) (Loop, bool, error) {
			if b.BackingFile == "" {
				return Loop{}, false, nil
			}
			return f.loop(b), true, nil
		})
	})
}

func (f *FS) loop(b Block) Loop {
	l := Loop{Name: b.Name, Devt: b.Devt, File: b.BackingFile}
	var err error
	if l.Over, l.On, err = loopStatus(f.Path(devDir, b.Name)); err != nil && strings.HasPrefix(l.File, "/"+devDir+"/") {
		l.Over = f.node(l.File)
	}
	return l
}
