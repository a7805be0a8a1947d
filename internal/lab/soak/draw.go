package soak

import "math/rand/v2"

// A drawer draws rounds. It follows its own book, in which everything that it
// draws is done, and never asks what came of it.
type drawer struct {
	random *rand.Rand
	book   *Book
	since  int // rounds since the outage began, or the freeze
}

// Rounds is how many rounds make the soak, where nobody wants more.
const Rounds = 10

// most is how many LUNs may be lost at a time: more would be an outage to the
// library's circuit breaker.
const most = 3

// Draw makes up n rounds. The first rounds of a longer draw are the same.
func Draw(seed uint64, n int) []Round {
	d := &drawer{random: rand.New(rand.NewPCG(seed, 0)), book: Open()}
	out := make([]Round, n)
	for i := range out {
		out[i] = d.round()
	}
	return out
}

func (d *drawer) round() Round {
	r := Round{Before: d.endings()}
	for range 1 + d.random.IntN(3) {
		r.Before = append(r.Before, d.draw(d.choices())...)
	}
	switch d.random.IntN(4) {
	case 0:
		r.Between = d.draw(d.choices())
	case 1:
		r.Command = true
	}
	return r
}

// endings ends what must not last: an outage or a freeze after two rounds.
func (d *drawer) endings() []Action {
	if !d.book.Outage() && !d.book.Frozen {
		d.since = 0
		return nil
	}
	if d.since++; d.since < 2 && d.random.IntN(2) == 0 {
		return nil
	}
	d.since = 0
	if d.book.Frozen {
		return d.done(Action{Kind: Thaw})
	}
	return d.done(Action{Kind: Mend})
}

func (d *drawer) done(a ...Action) []Action {
	for _, x := range a {
		d.book.Enter(x)
	}
	return a
}

// A choice is an action, or several in a row, with its weight.
type choice struct {
	weight int
	do     []Action
}

func (d *drawer) draw(from []choice) []Action {
	sum := 0
	for _, c := range from {
		sum += c.weight
	}
	if sum == 0 {
		return nil
	}
	at := d.random.IntN(sum)
	for _, c := range from {
		if at -= c.weight; at < 0 {
			return d.done(c.do...)
		}
	}
	return nil
}

// choices lists what may happen next.
func (d *drawer) choices() []choice {
	out := d.hostWide()
	for lun := range LUNs {
		out = append(out, d.array(lun)...)
		out = append(out, d.users(lun)...)
	}
	return out
}

// hostWide lists what concerns no LUN. An outage and a freeze exclude each
// other and a scan, which would wait for either.
func (d *drawer) hostWide() []choice {
	if d.book.Outage() || d.book.Frozen {
		return nil
	}
	one := d.random.IntN(Portals)
	return []choice{
		{24, []Action{{Kind: Rescan}}},
		{4, []Action{{Kind: Cut, Portal: one}}},
		{3, []Action{{Kind: Cut, Portal: one}, {Kind: Cut, Portal: 1 - one}}},
		{5, []Action{{Kind: Restart}}},
		{5, []Action{{Kind: Crash}}},
		{4, []Action{{Kind: Freeze}}},
	}
}

// array lists what the array, or somebody at the host, may do to a LUN.
func (d *drawer) array(lun int) []choice {
	l := d.book.LUN[lun]
	at := func(k Kind) []Action { return []Action{{Kind: k, LUN: lun}} }
	scanned := func(k Kind) []Action { return []Action{{Kind: k, LUN: lun}, {Kind: Rescan}} }
	// Who has it mounted would write to the volume that comes in its place.
	written := l.Use == Mount
	var out []choice
	calm := !d.book.Outage() && !d.book.Frozen
	switch {
	case l.Mapped == Nothing:
		out = append(out, choice{3, at(Restore)})
		if calm && l.Use == "" {
			out = append(out, choice{6, scanned(Restore)}, choice{4, scanned(Reuse)})
		}
	case d.book.lost() < most:
		out = append(out, choice{4, at(Unmap)})
		if !written {
			out = append(out, choice{3, at(Reuse)})
		}
	}
	if calm && l.Use == "" {
		out = append(out, choice{1, []Action{{Kind: DeletePath, LUN: lun, Portal: d.random.IntN(Portals)}}})
	}
	return out
}

// users lists what the host's users may do with a LUN.
func (d *drawer) users(lun int) []choice {
	l := d.book.LUN[lun]
	end := End(l.Use)
	switch {
	case end == Umount && (d.book.Outage() || d.book.Frozen):
		return nil // it would wait for the paths to come back
	case end != "":
		return []choice{{4, []Action{{Kind: end, LUN: lun}}}}
	case d.book.Outage():
		return nil
	}
	out := []choice{{1, []Action{{Kind: Hold, LUN: lun}}}, {1, []Action{{Kind: Stack, LUN: lun}}}}
	if Ours(lun) {
		out = append(out, choice{2, []Action{{Kind: Read, LUN: lun}}})
	}
	if l.Mapped != Nothing && Mountable(lun, l.Mapped) {
		out = append(out, choice{8, []Action{{Kind: Mount, LUN: lun}}})
	}
	return out
}
