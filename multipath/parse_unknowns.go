package multipath

// A Form is how a topology was printed.
type Form uint8

// The forms, by what tells them apart.
const (
	FormNone    Form = iota // no map was shown
	FormTree                // "size=10G features=…": 0.4.9 and later
	FormBracket             // "[size=10G][features=…": before 0.4.9
	FormJSON                // multipathd show maps json: 0.6.2 and later
)

// String names the form in a word.
func (f Form) String() string {
	switch f {
	case FormTree:
		return "tree"
	case FormBracket:
		return "bracket"
	case FormJSON:
		return "json"
	}
	return "none"
}

// An Unknown names something that a printed topology cannot tell, however well
// it is read. Its absence, or its presence, in the topology is no evidence.
type Unknown string

// What topologies do not tell.
const (
	// UnknownPaths: since 0.8.5 a path that is in the device-mapper table but
	// gone from sysfs is not printed, nor a group without other paths; before
	// 0.5.0 a long map is cut off. The dm table and slaves/ are the truth.
	UnknownPaths Unknown = "paths that are not printed"
	// UnknownDevState: "running" is printed for blocked, quiesced and
	// transport-offline devices too, and for those that do not exist any more;
	// the bracket forms print nothing. sysfs device/state is the truth.
	UnknownDevState Unknown = "state of a path's SCSI device"
	// UnknownUse: whether a map is open, mounted or held.
	UnknownUse Unknown = "use of a map"
	// UnknownSuspended: the text does not say that a map is suspended.
	UnknownSuspended Unknown = "suspension of a map"
	// UnknownEnd: a text that is cut between two maps, behind the properties of
	// a map without a vendor, or in the bracket forms between two paths, looks
	// whole.
	UnknownEnd Unknown = "whether maps follow"
	// UnknownHCTL: JSON has no SCSI addresses; join sysfs by Dev and Devt.
	UnknownHCTL Unknown = "SCSI address of a path"
	// UnknownSize: JSON has no sizes; in text they are rounded.
	UnknownSize Unknown = "size of a map"
	// UnknownForeign: JSON leaves foreign (native NVMe) maps out.
	UnknownForeign Unknown = "foreign maps"
	// UnknownWrite: most bracket forms do not say if a map is read-only.
	UnknownWrite Unknown = "write protection of a map"
)

// Unknowns returns what this topology's form cannot tell, in a fixed order.
func (t *Topology) Unknowns() []Unknown {
	all := []Unknown{UnknownPaths, UnknownDevState, UnknownUse}
	switch t.Form {
	case FormJSON:
		return append(all, UnknownHCTL, UnknownSize, UnknownForeign)
	case FormBracket:
		return append(all, UnknownSuspended, UnknownEnd, UnknownSize, UnknownWrite)
	}
	return append(all, UnknownSuspended, UnknownEnd, UnknownSize)
}
