package diskbyid

import (
	"context"
	"io/fs"
	"os"

	"github.com/pkg/errors"
)

// queueFile is there as long as udev has events to work off (udevadm-settle(8)).
const queueFile = "run/udev/queue"

// Settled reports whether udev has worked off all events of the kernel's that it
// knows of: there is no <root>/run/udev/queue. Until then a link that is gone may come
// back for a moment, for an event from before the end of its device makes it anew.
// It is true where there is no udev, or the root has no /run, as in a container.
func (d *Dir) Settled(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	_, err := os.Stat(d.fs.Path(queueFile))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, errors.WithStack(err)
}
