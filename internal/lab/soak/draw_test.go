package soak

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDrawIsReplayable(t *testing.T) {
	long, short := Draw(7, 200), Draw(7, 50)
	if diff := cmp.Diff(long[:50], short); diff != "" {
		t.Errorf("the same seed draws other rounds:\n%s", diff)
	}
	if cmp.Equal(short, Draw(8, 50)) {
		t.Error("another seed draws the same rounds")
	}
}

// Every kind of action comes up, before a sweep, and the array's and users' own
// in its midst.
func TestDrawComesToEveryKind(t *testing.T) {
	before, between := map[Kind]int{}, map[Kind]int{}
	for _, r := range Draw(1, 500) {
		for _, a := range r.Before {
			before[a.Kind]++
		}
		for _, a := range r.Between {
			between[a.Kind]++
		}
	}
	for _, k := range []Kind{
		Unmap, Restore, Reuse, Cut, Mend, Rescan, DeletePath, Mount, Umount, Hold, Release,
		Stack, Unstack, Read, Restart, Crash, Freeze, Thaw,
	} {
		if before[k] < 5 {
			t.Errorf("%s comes up %d times in 500 rounds", k, before[k])
		}
		if k != Mend && k != Thaw && between[k] == 0 {
			t.Errorf("%s never comes up in the midst of a sweep", k)
		}
	}
}

// What is drawn must make sense, and must not by itself cost anybody's data.
func TestDrawMakesSense(t *testing.T) {
	for seed := range uint64(20) {
		b, out := Open(), 0
		for i, r := range Draw(seed, 300) {
			out++
			for _, a := range append(r.Before, r.Between...) {
				if a.Kind == Mend || a.Kind == Thaw {
					out = 0
				}
				if why := b.nonsense(a); why != "" {
					t.Fatalf("seed %d, round %d: %s: %s", seed, i, a, why)
				}
				b.Enter(a)
			}
			if b.lost() > most {
				t.Fatalf("seed %d, round %d: %d LUNs are lost", seed, i, b.lost())
			}
			if !b.Outage() && !b.Frozen {
				out = 0
			}
			if out > 3 {
				t.Fatalf("seed %d, round %d: no end of the outage", seed, i)
			}
		}
	}
}

func (b *Book) nonsense(a Action) string {
	l := b.LUN[a.LUN]
	switch {
	case a.Kind == Unmap && l.Mapped == Nothing:
		return "nothing is mapped"
	case a.Kind == Restore && l.Mapped != Nothing:
		return "it is mapped"
	case a.Kind == Reuse && l.Use == Mount:
		return "who has it mounted would write to another volume"
	case a.Kind == Mount && (l.Use != "" || !Mountable(a.LUN, l.Mapped)):
		return "it cannot be mounted"
	case (a.Kind == Hold || a.Kind == Stack) && l.Use != "":
		return "it is in use"
	case a.Kind == Rescan && (b.Outage() || b.Frozen):
		return "it would wait"
	}
	return ""
}

func TestBook(t *testing.T) {
	b := Open()
	b.Enter(Action{Kind: Hold, LUN: 3})
	b.Enter(Action{Kind: Reuse, LUN: 3})
	if b.Alive(3, 0) || !b.Alive(3, 1) || !b.InUse(3, 0) || b.InUse(3, 1) || b.lost() != 1 {
		t.Errorf("a held volume whose LUN is another's: %+v", b.LUN[3])
	}
	b.Enter(Action{Kind: Unmap, LUN: 3})
	b.Enter(Action{Kind: Restore, LUN: 3})
	if !b.Alive(3, 1) {
		t.Errorf("restored is not the volume that was there last: %+v", b.LUN[3])
	}
	b.Enter(Action{Kind: Release, LUN: 3})
	if b.InUse(3, 0) || b.lost() != 0 {
		t.Errorf("released: %+v", b.LUN[3])
	}
}
