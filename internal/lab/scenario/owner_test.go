//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

var errNoRecords = errors.New("the API server does not answer")

// answers are owners who do not say that anything is theirs, and what their
// answer counts as.
func answers(t *testing.T) map[string]struct {
	ask  remediate.Owner
	want remediate.Ownership
	told bool // the survey tells why there is no answer
} {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	type owner = struct {
		ask  remediate.Owner
		want remediate.Ownership
		told bool
	}
	return map[string]owner{
		"an error": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{}, errNoRecords
		}, remediate.OwnerUnknown, true},
		"a claim, and an error": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine, Detached: true}, errNoRecords
		}, remediate.OwnerUnknown, true},
		"a time-out": {func(ctx context.Context, _ remediate.Subject) (remediate.Claim, error) {
			<-ctx.Done()
			return remediate.Claim{Owner: remediate.Mine}, ctx.Err()
		}, remediate.OwnerUnknown, true},
		"no answer, ever": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			<-forever
			return remediate.Claim{Owner: remediate.Mine}, nil
		}, remediate.OwnerUnknown, true},
		"no knowledge": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Source: "a list that lacks it"}, nil
		}, remediate.OwnerUnknown, false},
		"no knowledge, but detached": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Detached: true}, nil
		}, remediate.OwnerUnknown, false},
		"an empty set": {func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.NotMine, Source: "a list that is empty"}, nil
		}, remediate.NotMine, false},
		"nobody to ask": {nil, remediate.OwnerUnknown, false},
	}
}

// An owner who fails, is late, knows nothing or owns nothing leaves everything
// as it is, dead or alive, and the survey tells these apart.
func TestOwnerDoesNotSay(t *testing.T) {
	m := newMixed(t)
	for name, owner := range answers(t) {
		m.expectLeft(t, "alive, "+name, owner.ask)
	}
	m.lose(t)
	before := guest.DmsetupInfo(t)
	for name, owner := range answers(t) {
		sv := m.expectLeft(t, "dead, "+name, owner.ask)
		for _, wwid := range m.wwids() {
			d := verdict(t, sv, wwid, remediate.Stale)
			if d.Removable || d.Owner != owner.want || (d.Evidence.ClaimError != "") != owner.told {
				t.Errorf("%s: removable %v, owner %s, %q", name, d.Removable, d.Owner, d.Evidence.ClaimError)
			}
		}
	}
	for name, i := range guest.DmsetupInfo(t) {
		if b := before[name]; b.UUID != i.UUID || b.Devt != i.Devt || i.Suspended || len(before) != 4 {
			t.Errorf("%s was %+v and is %+v", name, b, i)
		}
	}
	m.expectWell(t)
	// It was the owner alone who held it back.
	s := newSweeper(t)
	execute(t, s, plan(t, s, m.wwids()...), remediate.Removed)
	m.expectCleared(t)
}

// expectLeft plans and executes with such an owner, by both rules.
func (m *mixed) expectLeft(t *testing.T, what string, ask remediate.Owner) *remediate.Survey {
	t.Helper()
	var sv *remediate.Survey
	for _, rule := range [][]remediate.Option{nil, {remediate.WithRunbook()}} {
		begun := time.Now()
		s := newSweeper(t, append(rule, remediate.WithOwner(ask), remediate.WithOwnerTimeout(time.Second), remediate.WithDwell(0), remediate.WithObserver(never(t)))...)
		p := plan(t, s)
		if r, err := carryOut(bounded(t), t, s, p); err != nil || len(r.Results) != 0 {
			t.Fatalf("%s: %+v, %v", what, r, err)
		}
		if took := time.Since(begun); took > limit/2 {
			t.Errorf("%s: it took %s", what, took)
		}
		sv = p.Survey
	}
	return sv
}

// An owner who knew at the plan, and does not any more when it is executed.
func TestOwnerForgets(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	p := plan(t, newSweeper(t), m.wwids()...)
	for name, owner := range answers(t) {
		s := newSweeper(t, remediate.WithOwner(owner.ask), remediate.WithOwnerTimeout(time.Second), remediate.WithObserver(never(t)))
		r := execute(t, s, p, remediate.Refused)
		for _, x := range r.Results {
			var not *remediate.NotOwnedError
			if !errors.As(x.Err, &not) || not.Owner != owner.want {
				t.Errorf("%s: %v", name, x.Err)
			}
		}
	}
	for i, lun := range []int{lostFailing, lostQueueing} {
		if got := guest.Queueing(t, m.maps[lun].Name); got != (i == 1) {
			t.Errorf("%s queues: %v", m.maps[lun].Name, got)
		}
	}
	execute(t, newSweeper(t), p, remediate.Removed)
	m.expectCleared(t)
}
