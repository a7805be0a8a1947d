package remediate

// A Verdict says what a LU is to this host. The zero value is [Unknown] and
// authorises nothing.
type Verdict uint8

// The verdicts, in the words that reports use.
const (
	Unknown       Verdict = iota // the facts do not add up to any other verdict
	Healthy                      // every path answers as the right LU
	Degraded                     // some paths answer as the right LU, others do not, or reads fail
	Unreachable                  // no path answers, and nobody but the network says so: an outage
	Transient                    // the kernel is still busy with it: look again later
	Stale                        // the LU is gone on every path, and nobody uses what is left
	StalePath                    // the LU is gone on some paths and alive on all others
	StaleInUse                   // gone on every path, and something still uses it
	Remapped                     // another LU answers in its place, and nobody uses it
	RemappedInUse                // another LU answers in its place, and something uses it
	EmptyMap                     // a map without any path
	OrphanPath                   // a disk outside any map whose LU is gone
	Suspended                    // its map is suspended: resume it before anything else
	Ambiguous                    // its identity cannot be told for sure
)

var verdictNames = [...]string{
	Unknown: "unknown", Healthy: "healthy", Degraded: "degraded", Unreachable: "unreachable",
	Transient: "transient", Stale: "stale", StalePath: "stale-path", StaleInUse: "stale-in-use",
	Remapped: "remapped", RemappedInUse: "remapped-in-use", EmptyMap: "empty-map",
	OrphanPath: "orphan-path", Suspended: "suspended", Ambiguous: "ambiguous",
}

func (v Verdict) String() string { return word(verdictNames[:], int(v)) }

// MarshalText writes the verdict as its word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's word; any other is an error.
func (v *Verdict) UnmarshalText(b []byte) error { return fromWord(v, verdictNames[:], b, "verdict") }

// Residual reports whether the verdict means that something is left behind
// that ought to go: the LU is gone, or was replaced, or the map has no path.
func (v Verdict) Residual() bool {
	switch v {
	case Stale, StalePath, StaleInUse, Remapped, RemappedInUse, EmptyMap, OrphanPath:
		return true
	}
	return false
}

// Actionable reports whether the verdict allows a plan at all, ownership and
// use permitting.
func (v Verdict) Actionable() bool {
	switch v {
	case Stale, StalePath, Remapped, EmptyMap, OrphanPath:
		return true
	}
	return false
}

// sameDeath reports whether an earlier verdict found the LU as dead as the
// later one does, whoever used it then.
func sameDeath(before, now Verdict) bool {
	switch before {
	case StaleInUse:
		return now == Stale || now == OrphanPath || now == EmptyMap
	case RemappedInUse:
		return now == Remapped
	}
	return before == now
}
