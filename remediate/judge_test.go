package remediate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// The parts that rows are made of. Each is a path as the survey leaves it.
func goneBy(proof string) Path {
	return Path{Dev: "sdi", State: "running", InMap: true, DMState: "failed", Link: sysfs.LinkUp, Answer: Gone, Proof: proof}
}

func alive() Path {
	return Path{Dev: "sdb", State: "running", InMap: true, DMState: "active", Link: sysfs.LinkUp, Answer: Alive, Identity: IdentityMatch}
}

func silent() Path {
	return Path{Dev: "sdj", State: "running", InMap: true, DMState: "failed", Link: sysfs.LinkUp, Answer: Silent}
}

func with(p Path, changes ...func(*Path)) Path {
	for _, change := range changes {
		change(&p)
	}
	return p
}

func mapped(paths ...Path) Facts {
	return Facts{WWID: "36001", Map: &Map{Name: "mpathb", DM: "dm-12"}, Paths: paths, Read: blockprobe.Unreadable}
}

func bare(paths ...Path) Facts {
	f := mapped(paths...)
	f.Map = nil
	return f
}

func change(f Facts, do func(*Facts)) Facts {
	do(&f)
	return f
}

func used(f *Facts)     { f.InUse = []Use{{Kind: UseMount, By: "/data"}} }
func attested(f *Facts) { f.Evidence.Claim.Detached = true }
func readable(f *Facts) { f.Read = blockprobe.Readable }
func linkDown(p *Path)  { p.Link = sysfs.LinkDown }
func unasked(p *Path)   { p.Answer = NotAsked }
func anothers(p *Path)  { p.Foreign = "36002" }
func otherLU(p *Path)   { p.Identity = IdentityMismatch }
func noLU(p *Path)      { p.NotConnected = true }

func TestJudge(t *testing.T) {
	gone, runbook := goneBy("TEST UNIT READY: 05/25/00"), Rule{Runbook: true}
	rows := []struct {
		name  string
		facts Facts
		rule  Rule
		want  Verdict
		proof Proof
	}{
		{name: "nothing known", facts: Facts{}, want: Unknown},
		{name: "a map nobody could ask about", facts: mapped(with(gone, unasked)), want: Unknown},
		{name: "one path not asked spoils the rest", facts: mapped(gone, with(gone, unasked)), want: Unknown},

		{name: "suspended beats gone", facts: change(mapped(gone), func(f *Facts) { f.Map.Suspended = true }), want: Suspended},
		{name: "duplicate identity", facts: change(mapped(gone, gone), func(f *Facts) { f.Evidence.Duplicate = "two LUNs" }), want: Ambiguous},
		{name: "another LU's disk in the map, gone as the rest", facts: mapped(gone, with(gone, anothers)), want: Stale, proof: ByTarget},
		{name: "nothing but another LU's disk in the map, gone", facts: mapped(with(gone, anothers)), want: Stale, proof: ByTarget},
		{name: "another LU's disk in the map, gone, in use", facts: change(mapped(gone, with(gone, anothers)), used), want: StaleInUse, proof: ByTarget},
		{name: "another LU's disk in the map, alive as that", facts: mapped(gone, with(alive(), anothers, otherLU)), want: Remapped, proof: ByTarget},
		{name: "another LU's disk beside a living path", facts: mapped(alive(), with(gone, anothers)), want: Ambiguous},
		{name: "another LU's living disk beside a living path", facts: mapped(alive(), with(alive(), anothers, otherLU)), want: Ambiguous},
		{name: "another LU's disk that does not say what it is", facts: mapped(gone, with(alive(), anothers, func(p *Path) { p.Identity = IdentityUnknown })), want: Ambiguous},
		{name: "another LU's silent disk in the map", facts: mapped(gone, with(silent(), anothers)), want: Ambiguous},
		{name: "another LU's disk beside a silent path", facts: mapped(silent(), with(gone, anothers)), want: Ambiguous},
		{name: "another LU's disk, gone over a dead link", facts: mapped(gone, with(gone, anothers, linkDown)), want: Ambiguous},
		{name: "another LU's disk in the map, attested", facts: change(mapped(silent(), with(silent(), anothers)), attested), want: Ambiguous},
		{name: "another LU's disk in the map, runbook", facts: mapped(silent(), with(silent(), anothers)), rule: runbook, want: Ambiguous},
		{name: "living path without a name beside a dead one", facts: mapped(gone, with(alive(), func(p *Path) { p.Identity = IdentityUnknown })), want: Ambiguous},

		{name: "another LU answers, although reads pass", facts: change(mapped(with(alive(), otherLU)), readable), want: Remapped, proof: ByTarget},
		{name: "another LU answers on one path", facts: mapped(alive(), with(alive(), otherLU)), want: Remapped, proof: ByTarget},
		{name: "another LU answers under a mount", facts: change(mapped(with(alive(), otherLU)), used), want: RemappedInUse, proof: ByTarget},

		{name: "blocked path", facts: mapped(gone, with(silent(), func(p *Path) { p.State = "blocked" })), want: Transient},
		{name: "path being deleted", facts: mapped(with(gone, func(p *Path) { p.State = "cancel" })), want: Transient},
		{name: "gone, yet read", facts: change(mapped(gone), readable), want: Transient},

		{name: "no path at all", facts: mapped(), want: EmptyMap, proof: ByAbsence},
		{name: "no path at all, in use", facts: change(mapped(), used), want: StaleInUse, proof: ByAbsence},

		{name: "gone on every path", facts: mapped(gone, gone), want: Stale, proof: ByTarget},
		{name: "gone on every path, in use", facts: change(mapped(gone, gone), used), want: StaleInUse, proof: ByTarget},
		{name: "a LUN without a LU reads well", facts: change(mapped(with(gone, noLU)), readable), want: Stale, proof: ByTarget},
		{name: "gone, with no transport class to ask", facts: mapped(with(gone, func(p *Path) { p.Link = sysfs.LinkNone })), want: Stale, proof: ByTarget},
		{name: "gone, but the link is down", facts: mapped(with(gone, linkDown)), want: Unreachable},
		{name: "gone, but the link's state is unknown", facts: mapped(with(gone, func(p *Path) { p.Link = sysfs.LinkUnknown })), want: Unreachable},
		{name: "gone disk outside any map", facts: bare(gone), want: OrphanPath, proof: ByTarget},
		{name: "gone disk outside any map, in use", facts: change(bare(gone), used), want: StaleInUse, proof: ByTarget},

		{name: "gone on one path, alive on the other", facts: mapped(gone, alive()), want: StalePath, proof: ByTarget},
		{name: "gone on one path, silent on the other", facts: mapped(gone, silent()), want: Unreachable},
		{name: "gone on one, silent on one, alive on one", facts: mapped(gone, silent(), alive()), want: Degraded},

		{name: "silent is an outage", facts: mapped(silent(), silent()), want: Unreachable},
		{name: "silent with the link down", facts: mapped(with(silent(), linkDown)), want: Unreachable},
		{name: "attested, silent, unreadable", facts: change(mapped(silent()), attested), want: Stale, proof: ByOwner},
		{name: "attested with the link down", facts: change(mapped(with(silent(), linkDown)), attested), want: Stale, proof: ByOwner},
		{name: "attested, but the read is unknown", facts: change(mapped(silent()), func(f *Facts) { attested(f); f.Read = blockprobe.Unknown }), want: Unreachable},
		{name: "attested, but the read fails otherwise", facts: change(mapped(silent()), func(f *Facts) { attested(f); f.Read = blockprobe.Other }), want: Unreachable},
		{name: "attested, but one path lives", facts: change(mapped(silent(), alive()), attested), want: Degraded},
		{name: "attested, but the map has not failed the path", facts: change(mapped(with(silent(), func(p *Path) { p.DMState = "active" })), attested), want: Unreachable},
		{name: "attested and alive", facts: change(mapped(alive()), func(f *Facts) { attested(f); readable(f) }), want: Healthy},
		{name: "attested, in use", facts: change(mapped(silent()), func(f *Facts) { attested(f); used(f) }), want: StaleInUse, proof: ByOwner},

		{name: "runbook", facts: mapped(silent(), silent()), rule: runbook, want: Stale, proof: ByRunbook},
		{name: "runbook with the link down", facts: mapped(silent(), with(silent(), linkDown)), rule: runbook, want: Unreachable},
		{name: "runbook, one path alive", facts: mapped(silent(), alive()), rule: runbook, want: Degraded},
		{name: "runbook, readable", facts: change(mapped(silent()), readable), rule: runbook, want: Unreachable},
		{name: "runbook, path that the map still uses", facts: mapped(with(silent(), func(p *Path) { p.DMState = "active" })), rule: runbook, want: Unreachable},
		{name: "runbook, a read that would only wait", facts: change(mapped(silent()), func(f *Facts) { f.Read = blockprobe.Skipped }), rule: runbook, want: Stale, proof: ByRunbook},
		{name: "runbook is for maps", facts: bare(silent()), rule: runbook, want: Unreachable},

		{name: "alive but not ready", facts: mapped(with(alive(), func(p *Path) { p.Answer = Present })), want: Degraded},
		{name: "alive, but failed in the map", facts: mapped(with(alive(), func(p *Path) { p.DMState = "failed" })), want: Degraded},
		{name: "alive, but unreadable", facts: mapped(alive()), want: Degraded},
		{name: "healthy", facts: change(mapped(alive(), alive()), readable), want: Healthy},
		{name: "healthy disk outside any map", facts: change(bare(alive()), readable), want: Healthy},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := Judge(row.facts, row.rule)
			if diff := cmp.Diff(row.want.String(), got.Verdict.String()); diff != "" {
				t.Errorf("verdict (-want +got):\n%s%q", diff, got.Reasons)
			}
			if diff := cmp.Diff(row.proof, got.Proof); diff != "" {
				t.Errorf("proof (-want +got):\n%s", diff)
			}
			require.NotEmpty(t, got.Reasons)
			require.NotEmpty(t, got.Reasons[0])
			require.Equal(t, got, Judge(row.facts, row.rule), "the same facts, the same judgement")
		})
	}
}

// Without ownership no verdict authorises anything, and with anything in use
// or unchecked neither does ownership.
func TestTwoKeys(t *testing.T) {
	s := &Sweeper{}
	dead := mapped(goneBy("05/25/00"))
	require.False(t, s.judged(dead).Removable, "nobody owns it")
	for _, o := range []Ownership{OwnerUnknown, NotMine} {
		require.False(t, s.judged(change(dead, func(f *Facts) { f.Owner = o })).Removable, o)
	}
	mine := change(dead, func(f *Facts) { f.Owner = Mine })
	require.True(t, s.judged(mine).Removable)
	require.False(t, s.judged(change(mine, used)).Removable)
	blind := change(mine, func(f *Facts) { f.InUse = []Use{{Kind: UseUnknown, By: "could not check"}} })
	require.False(t, s.judged(blind).Removable)
	require.False(t, s.judged(change(mapped(silent()), func(f *Facts) { f.Owner = Mine })).Removable, "an outage")
}

// The zero value of each enumeration authorises nothing.
func TestZeroValues(t *testing.T) {
	var (
		v Verdict
		o Ownership
		a Answer
		i Identity
	)
	require.Equal(t, Unknown, v)
	require.False(t, v.Actionable())
	require.False(t, v.Residual())
	require.Equal(t, OwnerUnknown, o)
	require.Equal(t, NotAsked, a)
	require.Equal(t, IdentityUnknown, i)
	require.False(t, failed(Path{}))
	require.False(t, live(Path{}))
}

// Every word survives a round trip, and no other word is taken.
func TestWords(t *testing.T) {
	for v := range Verdict(len(verdictNames)) {
		text, err := v.MarshalText()
		require.NoError(t, err)
		var back Verdict
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, v, back)
	}
	var v Verdict
	require.Error(t, v.UnmarshalText([]byte("fine")))
	require.Equal(t, "unknown", Verdict(200).String())
}

// What a person is told to do about what no rule settles.
func TestJudgeAdvice(t *testing.T) {
	forgotten := change(mapped(alive(), with(alive(), func(p *Path) { p.Dev, p.InMap, p.DMState = "sdj", false, "" })), readable)
	require.Contains(t, strings.Join(Judge(forgotten, Rule{}).Reasons, "\n"), "multipathd add path sdj")
	require.NotContains(t, strings.Join(Judge(change(mapped(alive(), alive()), readable), Rule{}).Reasons, "\n"), "add path")

	require.Contains(t, Judge(bare(silent()), Rule{Runbook: true}).Reasons[0], "its owner's word that it is detached")
	require.NotContains(t, Judge(bare(silent()), Rule{}).Reasons[0], "rule")
	require.NotContains(t, Judge(change(mapped(silent()), readable), Rule{Runbook: true}).Reasons[0], "is for maps")
}
