package peers

// A Rule is how somebody decides what is left over, and clears it.
type Rule struct {
	Name   string // as the scenario is told by its environment
	Title  string // the table's column
	Source string // where the rule is written down
}

// Rules are the table's columns, our own first.
func Rules() []Rule {
	return []Rule{
		{"lunsweep", "lunsweep", "`sweep apply -yes -own …`, of this repository"},
		{"rescan", "`rescan-scsi-bus.sh -r -m`", "sg3_utils, scripts/rescan-scsi-bus.sh, as the distribution ships it"},
		{"unreadable", "unreadable is residual", "Huawei/eSDK_K8S_Plugin, connector/connector_utils.go: isDMResidualPath, removeMultiPathDevice; " +
			"a `dd` of the map that fails means `multipath -f`, then delete each path, whatever the flush said"},
		{"pathless", "`paths < 1`, `path_faults > 0`", "hpe-storage/common-host-libs, tunelinux/multipath.go: GetMultipathDevices, UnmountMultipathDevice, " +
			"RemoveBlockDevicesOfMultipathDevices, RemoveMultipathDevice; unmount, delete each path, `fail_if_no_path`, `dmsetup remove --force`"},
		{"flushall", "`multipath -F`, delete the rest", "multipath(8): flush all unused maps; then delete every sdX that is in no map"},
	}
}

// A Situation is one state of a host that the rules are put into.
type Situation struct {
	Test  string // the scenario
	Title string // the table's row
	Ideal string // what ought to come of it: Cleared or Kept
}

// What ought to come of a situation's LU.
const (
	Cleared = "cleared"
	Kept    = "kept"
)

// Situations are the table's rows.
func Situations() []Situation {
	return []Situation{
		{"TestPeersUnmapped", "the array unmapped it, nobody uses it", Cleared},
		{"TestPeersOutage", "every portal is down for a moment, the volume is mounted", Kept},
		{"TestPeersReused", "its LUN was given to another volume, nobody uses it", Cleared},
		{"TestPeersReusedMounted", "its LUN was given to another volume, the old one is mounted", Kept},
		{"TestPeersEmpty", "a queueing map without any path", Cleared},
		{"TestPeersDeadMounted", "unmapped, and still mounted", Kept},
		{"TestPeersHeld", "unmapped, and held open: its flush fails", Kept},
		{"TestPeersForeign", "unmapped, and somebody else's", Kept},
		{"TestPeersHealthy", "nothing is wrong", Kept},
	}
}

// Says begins the line in which a scenario says what came of a rule.
const Says = "peers: "
