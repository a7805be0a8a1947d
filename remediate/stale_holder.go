package remediate

import (
	"fmt"
	"strings"
)

// A StaleHolder is a block device that is no multipath map and stands on disks that
// somebody has deleted under it: an encrypted volume, most often. It looks whole, with
// its name, its size and its node, and nothing that is written to it arrives. No LU is left
// of which this could be told, and it is its operator's to end.
type StaleHolder struct {
	Dev     string   `json:"dev"`               // "dm-3"
	Name    string   `json:"name"`              // "secrets (LUKS, dm-3)"
	Gone    []string `json:"gone"`              // kernel names of what it stood on, and has gone
	Left    []string `json:"left,omitempty"`    // of what it stands on, and is there
	Release string   `json:"release,omitempty"` // the command that ends it, where nothing is left
}

// String is a line for people to read.
func (h StaleHolder) String() string {
	words := fmt.Sprintf("%s stands on %s, which has gone", h.Name, strings.Join(h.Gone, ", "))
	if len(h.Left) > 0 {
		return words + "; left of what it stands on: " + strings.Join(h.Left, ", ")
	}
	words += ": neither use nor format it, nothing that is written to it arrives"
	if h.Release != "" {
		words += "; to be ended by its operator: " + h.Release
	}
	return words
}

// staleHolders lists them. A multipath map without its disks is a LU's, and among the
// devices.
func (sc *scene) staleHolders() (all []StaleHolder) {
	for i := range sc.blocks {
		b := &sc.blocks[i]
		if len(b.Gone) == 0 || b.DM != nil && strings.HasPrefix(b.DM.UUID, "mpath-") {
			continue
		}
		h := StaleHolder{Dev: b.Name, Name: holderName(b.Name, b), Gone: b.Gone, Left: b.Slaves}
		if len(h.Left) == 0 {
			h.Release = releaseOf(b.Name, b)
		}
		all = append(all, h)
	}
	return all
}
