package remediatetest

import (
	"fmt"
	"slices"
)

// A Preset is a host that is simulated under a name. It is the same in every
// process: names, numbers, identities, boot id.
type Preset struct {
	Name string
	What string // in one line
	make func(*stage)
}

// Presets lists the presets, "residual" (the runbook's own case) first.
func Presets() []Preset { return slices.Clone(presets()) }

func presets() []Preset {
	return []Preset{
		{"residual", "mpathb (dm-12, sdi and sdj): its LUN was unmapped; beside it healthy maps, one of them mounted", residual},
		{"queueing", "residual, and mpathe that queues, with a dd stuck in a read of it", queueing},
		{"inuse", "residual, but a file system is still mounted on mpathb", inUse},
		{"outage", "both sessions are down: every path has failed, and nothing was unmapped", outage},
		{"remapped", "mpathb's LUN was given to another volume: it reads well, and is somebody else's", remapped},
		{"cleared", "residual after the clearing; a new volume bears the old names sdi, sdj and dm-12", cleared},
		{"clean", "healthy maps only", clean},
		{"orphan", "sdi, outside any map, whose LUN was unmapped", orphan},
		{"empty-map", "residual after somebody deleted sdi and sdj and left mpathb", emptyMap},
	}
}

// OpenPreset is [Open] with a preset on the host.
func OpenPreset(name, dir string) (*Host, error) {
	all := presets()
	i := slices.IndexFunc(all, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no simulated host is called %q", name)
	}
	h, err := Open(dir)
	if err != nil {
		return nil, err
	}
	h.stage(all[i].make)
	if err := h.Err(); err != nil {
		_ = h.Close()
		return nil, err
	}
	return h, nil
}

// Stage puts the preset called name on a host that New has made.
func (h *Host) Stage(name string) {
	for _, p := range presets() {
		if p.Name == name {
			h.stage(p.make)
			return
		}
	}
	h.set(func() { h.failf("no simulated host is called " + name) })
}

// The names of the WWIDs in the presets.
const (
	WWIDa = "360014055a0b4e2f6d3c84b1a97f0e2d1" // mpatha, mounted
	WWIDb = "360014055e7c14d0b8aa4f6e92d3b7c05" // mpathb, the residual one
	WWIDc = "36001405f2d6c9e18b374a05ac81d9f36" // mpathc
	WWIDd = "36001405b93e07a6fd1542c88e6b0f4a7" // mpathd
	WWIDe = "36001405c6d81f39e07b4a2593f1c8e60" // mpathe, which queues
	WWIDn = "360014051d8f7a3b9c6e40258d17b3f9e" // the new volume
)

// A stage is what all presets begin with: two sessions to an array, and the
// healthy maps mpatha, mpathc and mpathd.
type stage struct {
	*Host
	a, b *Target
}

func (h *Host) stage(set func(*stage)) {
	s := &stage{
		Host: h,
		a:    h.Session("iqn.2003-01.org.linux-iscsi.array1:node3.a", 39),
		b:    h.Session("iqn.2003-01.org.linux-iscsi.array1:node3.b", 40),
	}
	h.volume(s, WWIDa, "vol-db-0", 2, "sdb", "sdc")
	h.Map("mpatha", "dm-11", h.lus[len(h.lus)-1], Queue)
	h.Mount("dm-11", "/var/lib/kubelet/pods/7d0c/volumes/kubernetes.io~csi/vol-db-0/mount")
	h.volume(s, WWIDc, "vol-web-1", 3, "sdd", "sde")
	h.Map("mpathc", "dm-13", h.lus[len(h.lus)-1], Queue)
	h.volume(s, WWIDd, "vol-web-2", 4, "sdf", "sdg")
	h.Map("mpathd", "dm-14", h.lus[len(h.lus)-1], Fail)
	set(s)
}

// volume is a LU of 10 GiB with a path over each session.
func (h *Host) volume(s *stage, wwid, name string, lun uint64, devA, devB string) *LU {
	return h.LU(wwid[1:], 10<<30, "LIO-ORG", name).Path(devA, s.a, lun).Path(devB, s.b, lun)
}

// lostVolume is the runbook's case before the unmapping.
func lostVolume(s *stage) *LU {
	lu := s.volume(s, WWIDb, "vol-pg-7", 1, "sdi", "sdj")
	s.Map("mpathb", "dm-12", lu, Fail)
	return lu
}

func clean(*stage) {}

func residual(s *stage) { s.Unmap(lostVolume(s)) }

func queueing(s *stage) {
	residual(s)
	lu := s.volume(s, WWIDe, "vol-mq-2", 5, "sdk", "sdl")
	s.Map("mpathe", "dm-15", lu, Queue)
	s.Unmap(lu)
	s.Open("dm-15", 41700, "dd", Stuck)
}

func inUse(s *stage) {
	lu := lostVolume(s)
	s.Mount("dm-12", "/var/lib/kubelet/pods/1f4e/volumes/kubernetes.io~csi/vol-pg-7/mount")
	s.Unmap(lu)
}

func outage(s *stage) {
	lostVolume(s)
	s.Outage(s.a, s.b)
}

func remapped(s *stage) {
	s.Remap(lostVolume(s), s.LU(WWIDn[1:], 10<<30, "LIO-ORG", "vol-new-1"))
}

func cleared(s *stage) {
	lu := s.volume(s, WWIDn, "vol-new-1", 1, "sdi", "sdj")
	s.Map("mpathb", "dm-12", lu, Fail)
}

func orphan(s *stage) {
	s.Unmap(s.LU(WWIDb[1:], 10<<30, "LIO-ORG", "vol-pg-7").Path("sdi", s.a, 1))
}

func emptyMap(s *stage) {
	residual(s)
	s.DeletedByHand("sdi", "sdj")
}
