package remediate

import (
	"path/filepath"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
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
	mapper := multipath.NewDeviceMapper(fs.Path("dev", "mapper", "control"))
	sys := System{FS: fs, Kernel: mapper, Reader: blockprobe.New(blockprobe.WithTimeout(probeTimeout))}
	if sys.Daemon, err = openDaemon(root, backend, mapper, fs); err != nil {
		return System{}, err
	}
	sys.disks = scsi.NewOpener(commandsAtOnce, scsi.WithTimeout(probeTimeout))
	sys.OpenLU = sys.disks.Open
	sys.hasNode = fs.StatNode
	return sys, nil
}

// openDaemon is the client for backend.
func openDaemon(root, backend string, mapper *multipath.DeviceMapper, fs *sysfs.FS) (daemon, error) {
	socket, programs := multipath.NewSocket(root), multipath.NewCommand(nil)
	if filepath.Clean(root) != "/" {
		programs = multipath.NewCommand(nil, multipath.WithChroot(root))
	}
	kernel := multipath.NewDM(mapper, fs)
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
