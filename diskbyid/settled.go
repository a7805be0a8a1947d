package diskbyid

import "context"

// Settled reports whether udev has worked off all events of the kernel's that it
// knows of: there is no <root>/run/udev/queue (udevadm-settle(8)). Until then a
// link that is gone may come back for a moment, for an event from before the end
// of its device makes it anew.
// It is true where there is no udev, or the root has no /run, as in a container.
func (d *Dir) Settled(ctx context.Context) (bool, error) {
	return bounded(ctx, d, udevDir, func() (bool, error) {
		busy, err := d.exists(udevDir + "/queue")
		return !busy && err == nil, err
	})
}
