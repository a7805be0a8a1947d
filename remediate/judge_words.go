package remediate

import (
	"fmt"
	"strings"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// dead is the verdict for a LU whose death is proven.
func dead(f Facts) Verdict {
	if f.Map == nil {
		return inUse(f, OrphanPath, StaleInUse)
	}
	return inUse(f, Stale, StaleInUse)
}

func inUse(f Facts, unused, used Verdict) Verdict {
	if len(f.InUse) > 0 {
		return used
	}
	return unused
}

// settling reports whether the SCSI device is in one of the states in which a
// command would wait, or that lead on to another state by themselves.
func settling(state string) bool {
	switch state {
	case "blocked", "quiesce", "created", "created-blocked", "cancel", "deleted":
		return true
	}
	return false
}

// failed reports whether a path certainly carries nothing: the kernel's table
// says so where the path is in a map, and the LU does not answer through it.
func failed(p Path) bool {
	if p.Answer == Alive || p.Answer == Present || p.Answer == NotAsked {
		return false
	}
	return !p.InMap || p.DMState == "failed"
}

// givenUp is failed for the operator's rule, which takes the map's word: a disk that no map
// has failed was alive when it was found, and may have fallen silent with all the others.
func givenUp(p Path) bool { return failed(p) && (p.InMap || p.Answer == Gone) }

// live reports whether the kernel sees the path's link up, or has no transport
// class that would know; a state that could not be read is not live.
func live(p Path) bool { return p.Link == sysfs.LinkUp || p.Link == sysfs.LinkNone }

// goneEverywhere reports whether the target says on every path, over a live
// link, that there is no such LU.
func goneEverywhere(f Facts) bool {
	return len(f.Paths) > 0 && everyPath(f, func(p Path) bool { return p.Answer == Gone && live(p) })
}

// readFails reports whether a read fails, or would hang for want of a path.
func readFails(f Facts) bool {
	return f.Read == blockprobe.Unreadable || f.Read == blockprobe.Hung || f.Read == blockprobe.Skipped
}

func readWords(f Facts) string {
	switch f.Read {
	case blockprobe.Unreadable:
		return "the read fails (" + or(f.Evidence.ReadError, "0 bytes") + ")"
	case blockprobe.Hung:
		return "the read hangs"
	case blockprobe.Skipped:
		return "a read would only wait (" + f.Evidence.ReadReason + ")"
	}
	return "the read is " + f.Read.String()
}

func everyPath(f Facts, ok func(Path) bool) bool {
	for _, p := range f.Paths {
		if !ok(p) {
			return false
		}
	}
	return true
}

func anyPath(f Facts, ok func(Path) bool) bool {
	return !everyPath(f, func(p Path) bool { return !ok(p) })
}

func anyAnswer(f Facts, a Answer) bool {
	return anyPath(f, func(p Path) bool { return p.Answer == a })
}

// firstWhere is the index of the first path with answer a, or 0.
func firstWhere(f Facts, a Answer) int {
	for i, p := range f.Paths {
		if p.Answer == a {
			return i
		}
	}
	return 0
}

// mapless says why the operator's rule does not hold for a LU without a map.
func mapless(f Facts, rule Rule) string {
	if !rule.Runbook || f.Map != nil {
		return ""
	}
	return "; the operator's rule is for maps, and without one only its owner's word that it is detached lets it go"
}

// notes are the further reasons that a person wants to read.
func notes(f Facts, v Verdict) []string {
	var out []string
	if f.Protected != "" {
		out = append(out, "protected, so it stays: "+f.Protected)
	}
	for _, u := range f.InUse {
		out = append(out, "in use: "+u.String())
	}
	for _, u := range f.Blocked {
		out = append(out, "stuck on it: "+u.String())
	}
	if p, mixed := foreignPath(f); mixed && v.Actionable() {
		out = append(out, fmt.Sprintf("%s in its map is another LU (%s) to the kernel: it stays when the map goes, and is judged as what it is", p.name(), p.Foreign))
	}
	if f.Map != nil && f.Map.Queueing && v.Residual() {
		out = append(out, "it queues: whoever reads it waits until queueing is switched off")
	}
	for _, p := range f.Paths {
		if f.Map != nil && p.Answer == Alive && p.Identity != IdentityMismatch && !p.InMap {
			out = append(out, fmt.Sprintf("%s answers and is not in the map; where it does not get there by itself: multipathd add path %s", p.name(), p.name()))
		}
	}
	if f.Evidence.ClaimError != "" {
		out = append(out, "its owner could not be asked: "+f.Evidence.ClaimError)
	}
	return out
}

// foreignPath is the first disk in the map that is another LU's to the kernel.
func foreignPath(f Facts) (Path, bool) {
	for _, p := range f.Paths {
		if p.Foreign != "" {
			return p, true
		}
	}
	return Path{}, false
}

// ended reports whether the target itself says, over a live link, that the map's
// LU is not behind a path any more: no LU is, or another one answers.
func ended(p Path) bool { return lost(p) && live(p) }

func mixedWords(p Path) string {
	s := fmt.Sprintf("%s is in the map, and is another LU (%s) to the kernel", p.name(), p.Foreign)
	if p.Answer == Alive && p.Identity == IdentityMismatch {
		s += fmt.Sprintf(", as which it answers; where it does not leave by itself: multipathd del path %s, then multipathd add path %[1]s", p.name())
	}
	return s
}

func tally(f Facts) string {
	var out []string
	for _, p := range f.Paths {
		out = append(out, fmt.Sprintf("%s %s %s", p.name(), or(p.State, "?"), p.Answer))
	}
	return or(strings.Join(out, ", "), "no map and no path")
}

func names(f Facts, a Answer) string {
	var out []string
	for _, p := range f.Paths {
		if p.Answer == a {
			out = append(out, p.name())
		}
	}
	return strings.Join(out, " and ")
}

// name is the path's kernel name, or its address where it has none.
func (p Path) name() string { return or(p.Dev, p.HCTL.String()) }

// String is the use in words: "mount /var/lib/x (ext4, pid 1)", "could not check
// (the open files of 1 process could not be read)".
func (u Use) String() string {
	s := string(u.Kind) + " " + u.By
	if u.Kind == UseUnknown {
		s = u.By
	}
	detail := u.Detail
	if u.Release != "" {
		detail += "; to be ended by its operator: " + u.Release
	}
	if detail != "" {
		s += " (" + detail + ")"
	}
	return s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
