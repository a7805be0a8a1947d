package multipath

import (
	"strings"

	"github.com/pkg/errors"
)

// A DaemonPath is a path device that multipathd (or, where there is none, the
// kernel's multipath table) knows of.
type DaemonPath struct {
	Dev  string // kernel name, "sdi"
	WWID string // as the daemon last read it; may be empty
	HCTL string // "39:0:0:1"; "#:#:#:#" or empty where unknown
	Map  string // name of its map; empty for a path that is in none
}

// parsePaths reads the answer to show paths raw format [pathsFormat]:
//
//	sdi \t 39:0:0:1 \t mpathb \t 3600140512...
//	sdj \t 39:0:0:2 \t [orphan] \t 3600140598...
//	 dev    hctl       map, or    wwid, up to the end of the line
//	                   [orphan] [offline] [unknown]
func parsePaths(reply string) ([]DaemonPath, error) {
	var paths []DaemonPath
	for line := range strings.Lines(reply) {
		text := strings.TrimRight(line, "\n\x00")
		if strings.TrimSpace(text) == "" {
			continue
		}
		f := strings.Split(text, "\t")
		if len(f) != 4 {
			return nil, errors.WithStack(ErrReply)
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if f[0] == "" || strings.ContainsAny(f[0], " ") {
			return nil, errors.WithStack(ErrReply)
		}
		if strings.HasPrefix(f[2], "[") && strings.HasSuffix(f[2], "]") {
			f[2] = ""
		}
		paths = append(paths, DaemonPath{Dev: f[0], HCTL: f[1], Map: f[2], WWID: f[3]})
	}
	return paths, nil
}
