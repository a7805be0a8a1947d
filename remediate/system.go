package remediate

import (
	"context"
	"path/filepath"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// OpenSystem is the real host whose file system is mounted at root. multipathd
// is spoken to by backend: "socket", its own socket; "command", the programs
// multipath and multipathd; "dm", device-mapper alone, past multipathd; "auto",
// the first of these that answers. probeTimeout bounds one read and one SCSI
// command.
func OpenSystem(root, backend string, probeTimeout time.Duration) (System, error) {
	fs, err := sysfs.New(root)
	if err != nil {
		return System{}, opError("open the host's file system", root, err)
	}
	sys := System{FS: fs, Reader: blockprobe.New(blockprobe.WithTimeout(probeTimeout))}
	mapper, err := multipath.OpenDeviceMapper(fs.Path("dev", "mapper", "control"))
	if err == nil {
		sys.Kernel = mapper
	} else {
		sys.Kernel = noKernel{err}
	}
	if sys.Daemon, err = openDaemon(root, backend, mapper, fs); err != nil {
		return System{}, err
	}
	lot := park.New(commandsAtOnce, nil)
	sys.commands = lot
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		return scsi.Open(ctx, path, scsi.WithTimeout(probeTimeout), scsi.WithLot(lot))
	}
	return sys, nil
}

// openDaemon is the client for backend; mapper is nil where device-mapper
// cannot be opened.
func openDaemon(root, backend string, mapper *multipath.DeviceMapper, fs *sysfs.FS) (daemon, error) {
	socket, programs := multipath.NewSocket(root), multipath.NewCommand(nil)
	if filepath.Clean(root) != "/" {
		programs = multipath.NewCommand(nil, multipath.WithChroot(root))
	}
	var kernel *multipath.DM
	if mapper != nil {
		kernel = multipath.NewDM(mapper, fs)
	}
	switch backend {
	case "auto":
		return multipath.NewAuto(socket, programs, kernel), nil
	case "socket":
		return socket, nil
	case "command":
		return programs, nil
	case "dm":
		return multipath.NewAuto(nil, nil, kernel), nil
	}
	return nil, errors.Errorf("no backend is called %q: auto, socket, command or dm", backend)
}

// noKernel stands for a device-mapper that cannot be opened, and says why.
type noKernel struct{ err error }

func (n noKernel) Tables(context.Context) ([]multipath.Table, error) { return nil, n.err }
func (n noKernel) Table(context.Context, string) (multipath.Table, error) {
	return multipath.Table{}, n.err
}
func (n noKernel) Partitions(context.Context) ([]multipath.PartitionMap, error) { return nil, n.err }
func (n noKernel) FailIfNoPath(context.Context, string) error                   { return n.err }
func (n noKernel) QueueIfNoPath(context.Context, string) error                  { return n.err }
func (n noKernel) Resume(context.Context, string) error                         { return n.err }
