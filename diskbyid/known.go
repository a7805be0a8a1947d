package diskbyid

import (
	"context"
	"io/fs"
	"os"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// Known reports whether udev's database still has the block device: there is a
// <root>/run/udev/data/b<major>:<minor>. udev drops that when it begins with the event
// of the device's end, right before it looks to whom the device's links belong now.
// It is false where there is no udev, or the root has no /run, as in a container.
func (d *Dir) Known(ctx context.Context, dev sysfs.DevNum) (bool, error) {
	return bounded(ctx, d, udevDir, func() (bool, error) { return d.exists(udevDir + "/data/b" + dev.String()) })
}

// exists says whether a path of the host leads to something; unlike stat it
// follows links.
func (d *Dir) exists(host string) (bool, error) {
	_, err := os.Stat(d.fs.Path(host))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, errors.WithStack(err)
}
