package remediate

import (
	"fmt"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A Rule says what counts as proof of death beyond the target's own word.
type Rule struct {
	// Runbook accepts the operator's rule: every path failed, and the direct
	// read fails with EIO, at every look. It does not override a link that
	// the kernel reports as down.
	//
	// It is for maps alone. A disk without one that does not answer is what a
	// living LU looks like in an outage while multipathd is not running, or has
	// not made its map yet, and no path that multipathd has failed speaks against
	// that. So where a run by this rule is killed after it has flushed a map, the
	// disks stay until the target answers or the owner attests that the volume is
	// detached.
	Runbook bool `json:"runbook"`
}

// A Judgement is a verdict and why, in words.
type Judgement struct {
	Verdict Verdict  `json:"verdict"`
	Proof   Proof    `json:"proof,omitempty"` // of death, where there is one
	Reasons []string `json:"reasons"`
}

// A Proof says on whose word a LU counts as dead.
type Proof string

// The proofs of death.
const (
	ByTarget  Proof = "target"  // the target itself says so, or answers as another LU
	ByOwner   Proof = "owner"   // the owner attests it, and paths and read agree
	ByRunbook Proof = "runbook" // the operator's rule
	ByAbsence Proof = "absence" // a map without any path
	notADeath Proof = ""
)

// Judge turns facts into a verdict. It is a pure function and the only place
// where one is made: the first row of the table that matches decides.
//
//	suspended map                                        suspended
//	identity not unique, or unknown where it matters      ambiguous
//	another LU's disk in the map, and not every path
//	   ended by the target's word                         ambiguous
//	another LU answers on some path                      remapped, remapped-in-use
//	a path is blocked or being created or deleted        transient
//	no path at all                                       empty-map, stale-in-use
//	gone on every path, by the target's word, yet read   transient
//	gone on every path, by the target's word             stale, stale-in-use, orphan-path
//	gone on some paths, alive on all others              stale-path
//	the owner attests it detached, every path failed,
//	   and the read fails                                stale, stale-in-use, orphan-path
//	the operator's rule is asked for, and holds          stale, stale-in-use
//	no path answers                                      unreachable
//	some answer, some do not; or reads fail              degraded
//	all answer as the right LU                           healthy
//	anything else                                        unknown
func Judge(f Facts, rule Rule) Judgement {
	for _, r := range table {
		if v, why, ok := r.matches(f, rule); ok {
			return Judgement{Verdict: v, Proof: r.proof, Reasons: append([]string{why}, notes(f, v)...)}
		}
	}
	return Judgement{Verdict: Unknown, Reasons: append([]string{"the facts do not add up: " + tally(f)}, notes(f, Unknown)...)}
}

type row struct {
	proof   Proof
	matches func(Facts, Rule) (v Verdict, why string, ok bool)
}

var table = []row{
	{notADeath, suspended},
	{notADeath, ambiguous},
	{ByTarget, remapped},
	{notADeath, transient},
	{ByAbsence, emptyMap},
	{notADeath, contradiction},
	{ByTarget, gone},
	{ByTarget, stalePath},
	{ByOwner, detached},
	{ByRunbook, runbook},
	{notADeath, unreachable},
	{notADeath, degraded},
	{notADeath, healthy},
}

func suspended(f Facts, _ Rule) (Verdict, string, bool) {
	if f.Map == nil || !f.Map.Suspended {
		return 0, "", false
	}
	return Suspended, fmt.Sprintf("map %s is suspended: every access to it waits; resume it first (dmsetup --noudevsync resume %s)", f.Map.Name, f.Map.Name), true
}

func ambiguous(f Facts, _ Rule) (Verdict, string, bool) {
	if f.Evidence.Duplicate != "" {
		return Ambiguous, f.Evidence.Duplicate, true
	}
	if nameless(f.WWID) && !anyAnswer(f, Alive) && !anyAnswer(f, Present) {
		return Ambiguous, "it has never said which LU it is, so nothing tells it from another at its address", true
	}
	if p, mixed := foreignPath(f); mixed && !everyPath(f, ended) {
		return Ambiguous, mixedWords(p), true
	}
	for _, p := range f.Paths {
		if p.Answer == Alive && p.Identity == IdentityUnknown && anyAnswer(f, Gone) {
			return Ambiguous, fmt.Sprintf("%s answers, but does not tell which LU it is", p.name()), true
		}
	}
	return 0, "", false
}

func remapped(f Facts, _ Rule) (Verdict, string, bool) {
	for _, p := range f.Paths {
		if p.Identity != IdentityMismatch {
			continue
		}
		why := fmt.Sprintf("%s now answers as another LU (%s): its LUN was given to another volume", p.name(), or(p.LiveWWID, "no name"))
		return inUse(f, Remapped, RemappedInUse), why, true
	}
	return 0, "", false
}

func transient(f Facts, _ Rule) (Verdict, string, bool) {
	for _, p := range f.Paths {
		if settling(p.State) {
			return Transient, fmt.Sprintf("%s is %q: the kernel has not decided about it yet", p.name(), p.State), true
		}
	}
	return 0, "", false
}

func emptyMap(f Facts, _ Rule) (Verdict, string, bool) {
	if f.Map == nil || len(f.Paths) > 0 {
		return 0, "", false
	}
	return inUse(f, EmptyMap, StaleInUse), fmt.Sprintf("map %s has no path at all", f.Map.Name), true
}

// contradiction is a LU that is gone by the target's word, and yet was read. A
// LUN without a LU behind it may well be readable, so it is none.
func contradiction(f Facts, _ Rule) (Verdict, string, bool) {
	connected := func(p Path) bool { return !p.NotConnected }
	if f.Read != blockprobe.Readable || !goneEverywhere(f) || !anyPath(f, connected) {
		return 0, "", false
	}
	return Transient, "the target says that the LU is gone, yet a read succeeds: look again", true
}

func gone(f Facts, _ Rule) (Verdict, string, bool) {
	if !goneEverywhere(f) {
		return 0, "", false
	}
	return dead(f), fmt.Sprintf("the target says that the LU is gone, on every path: %s", f.Paths[0].Proof), true
}

func stalePath(f Facts, _ Rule) (Verdict, string, bool) {
	right := func(p Path) bool { return p.Answer == Alive && p.Identity == IdentityMatch }
	carries := func(p Path) bool { return right(p) && p.InMap }
	if f.Map == nil || !anyAnswer(f, Gone) || !anyPath(f, carries) ||
		!everyPath(f, func(p Path) bool { return right(p) || p.Answer == Gone && live(p) }) {
		return 0, "", false
	}
	return StalePath, fmt.Sprintf("the LU is gone on %s, and alive on the others", names(f, Gone)), true
}

func detached(f Facts, _ Rule) (Verdict, string, bool) {
	if !f.Evidence.Claim.Detached || len(f.Paths) == 0 || !everyPath(f, failed) || !readFails(f) {
		return 0, "", false
	}
	return dead(f), "its owner attests that it is detached from this host, every path has failed, and " + readWords(f), true
}

func runbook(f Facts, rule Rule) (Verdict, string, bool) {
	if !rule.Runbook || f.Map == nil || len(f.Paths) == 0 || !everyPath(f, givenUp) || !readFails(f) ||
		!everyPath(f, live) {
		return 0, "", false
	}
	return dead(f), "by the operator's rule: every path has failed, and " + readWords(f), true
}

func unreachable(f Facts, rule Rule) (Verdict, string, bool) {
	mute := func(p Path) bool { return p.Answer == Silent || p.Answer == Gone || p.Link == sysfs.LinkDown }
	if len(f.Paths) == 0 || !everyPath(f, mute) {
		return 0, "", false
	}
	for _, p := range f.Paths {
		if p.Link == sysfs.LinkDown {
			return Unreachable, fmt.Sprintf("%s: the link is down (%s); an outage is not a lost LUN", p.name(), p.Transport), true
		}
	}
	p := f.Paths[firstWhere(f, Silent)]
	return Unreachable, fmt.Sprintf("%s does not answer (%s), and no target says that the LU is gone%s", p.name(), or(p.Proof, "no reason given"), mapless(f, rule)), true
}

func degraded(f Facts, _ Rule) (Verdict, string, bool) {
	if !anyAnswer(f, Alive) && !anyAnswer(f, Present) {
		return 0, "", false
	}
	for _, p := range f.Paths {
		switch {
		case p.Answer == Present:
			return Degraded, fmt.Sprintf("%s answers, but is not ready: %s", p.name(), p.Proof), true
		case p.Answer != Alive:
			return Degraded, fmt.Sprintf("%s does not answer (%s), others do", p.name(), or(p.Proof, p.State)), true
		case p.InMap && p.DMState == "failed":
			return Degraded, fmt.Sprintf("%s answers, but its path is failed in the map", p.name()), true
		}
	}
	if f.Read == blockprobe.Unreadable || f.Read == blockprobe.Hung {
		return Degraded, "every path answers, but " + readWords(f), true
	}
	return 0, "", false
}

func healthy(f Facts, _ Rule) (Verdict, string, bool) {
	if len(f.Paths) == 0 || !everyPath(f, func(p Path) bool { return p.Answer == Alive }) {
		return 0, "", false
	}
	return Healthy, fmt.Sprintf("%s as the right LU", plural(len(f.Paths), "path answers", "paths answer")), true
}
