package multipath

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// equal compares what the generator varies.
func equal(want, got []Map) string {
	type printed struct {
		Words   mapWords
		Partial bool
	}
	words := func(m Map) printed { return printed{m.words(), m.Partial} }
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Transformer("Map", words), cmp.Transformer("Group", Group.words))
}

// each runs a test over random topologies of every era.
func each(t *testing.T, rounds, most int, test func(t *testing.T, s *source, maps []Map, text string)) {
	for _, e := range eras {
		t.Run(e.name, func(t *testing.T) {
			for seed := range rounds {
				s := &source{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), era: e}
				maps := s.maps(most)
				test(t, s, maps, e.print(s, maps))
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func TestReadWhatIsPrinted(t *testing.T) {
	each(t, 150, 6, func(t *testing.T, _ *source, maps []Map, text string) {
		got, err := ParseAny([]byte(text))
		if err != nil {
			t.Fatalf("unexpected error: %+v in\n%s", err, text)
		}
		if diff := equal(maps, got.Maps); diff != "" || got.Noise != 0 {
			t.Fatalf("unexpected maps (-want +got), %d lines of noise:\n%s\n%s", got.Noise, diff, text)
		}
	})
}

func TestReadAmongMessages(t *testing.T) {
	messages := []string{
		"Aug 14 09:33:02 | sdd: alua not supported", "4735.224337 | /etc/multipath.conf line 31, duplicate keyword: defaults",
		`sdg: checker msg is "emc_clariion_checker: Logical Unit is unbound"`, "error calling out /sbin/scsi_id -g -u -s /block/sda", "",
	}
	each(t, 100, 4, func(t *testing.T, s *source, maps []Map, text string) {
		if s.era.form == FormJSON || len(maps) == 0 {
			return
		}
		var b strings.Builder
		noise := 0
		for line := range strings.Lines(text) {
			if s.chance(2) {
				m := pick(s, messages...)
				b.WriteString(m + pick(s, "\n", "\r\n"))
				noise += min(len(m), 1)
			}
			b.WriteString(line)
		}
		got, err := ParseAny([]byte(b.String()))
		if err != nil {
			t.Fatalf("unexpected error: %+v in\n%s", err, b.String())
		}
		if diff := equal(maps, got.Maps); diff != "" || got.Noise != noise {
			t.Fatalf("unexpected maps (-want +got), %d of %d lines of noise:\n%s\n%s", got.Noise, noise, diff, b.String())
		}
	})
}

// Whatever a text is cut down to, it is refused or is what was printed first.
func TestReadCutOff(t *testing.T) {
	each(t, 10, 3, func(t *testing.T, s *source, maps []Map, text string) {
		for n := 1; n < len(text); n++ {
			got, err := ParseAny([]byte(text[:n]))
			switch {
			case err != nil && got != nil:
				t.Fatalf("a topology beside %v", err)
			case err == nil && !begins(got.Maps, maps, s.era.form):
				t.Fatalf("cut at %d: unexpected maps: %s\nin\n%s", n, equal(maps, got.Maps), text[:n])
			case err == nil && s.era.form == FormJSON && n < len(text)-1:
				t.Fatalf("JSON that ends at %d of %d is taken", n, len(text))
			}
		}
	})
}

// begins reports whether got is the beginning of want, as far as the form lets
// a reader see.
func begins(got, want []Map, form Form) bool {
	if len(got) > len(want) || len(got) == 0 {
		return len(got) == 0
	}
	last := len(got) - 1
	if equal(want[:last], got[:last]) != "" {
		return false
	}
	g, w := got[last], want[last]
	if form == FormTree && len(g.Groups) > 0 && g.Foreign() == "" || g.Vendor() != "" && g.Vendor() != "##" && len(g.Groups) == 0 {
		return equal([]Map{w}, []Map{g}) == ""
	}
	return g.Name == w.Name && g.DM == w.DM && g.WWID == w.WWID && isPrefix(numbers(&g), numbers(&w))
}

func numbers(m *Map) []string {
	var all []string
	for p := range m.Each {
		all = append(all, p.Devt())
	}
	return all
}

func isPrefix(s, of []string) bool { return len(s) <= len(of) && slices.Equal(s, of[:len(s)]) }

// Whichever one line is lost or damaged, no path comes under another map.
func TestReadDamaged(t *testing.T) {
	damages := map[string]func(line, next string) []string{
		"lost":     func(_, next string) []string { return []string{next} },
		"front":    func(line, next string) []string { return []string{line[:len(line)/2], next} },
		"back":     func(line, next string) []string { return []string{line[len(line)/2:], next} },
		"glued":    func(line, next string) []string { return []string{line + next} },
		"spliced":  func(line, next string) []string { return []string{line[:len(line)/2] + next[len(next)/2:]} },
		"garbled":  func(_, next string) []string { return []string{"x%$ 7:", next} },
		"elided":   func(_, next string) []string { return []string{"...", next} },
		"shredded": func(line, next string) []string { return []string{strings.Repeat("~", len(line)), next} },
		"both":     func(_, _ string) []string { return []string{"...", "..."} },
	}
	each(t, 25, 4, func(t *testing.T, s *source, maps []Map, text string) {
		if s.era.form == FormJSON {
			return
		}
		owner := map[string]string{}
		for i := range maps {
			for p := range maps[i].Each {
				owner[p.Devt()] = maps[i].WWID
			}
		}
		lines := strings.Split(text, "\n")
		for i := range len(lines) - 2 {
			for name, damage := range damages {
				damaged := slices.Concat(lines[:i], damage(lines[i], lines[i+1]), lines[i+2:])
				got, err := ParseAny([]byte(strings.Join(damaged, "\n")))
				if err == nil {
					wrong(t, name, i, got, owner, strings.Join(damaged, "\n"), lines[i])
				}
			}
		}
	})
}

// wrong fails for a path under a map that is not its own. A damaged name is a
// name: it is no other map's as long as it is not the WWID of one.
func wrong(t *testing.T, damage string, i int, got *Topology, owner map[string]string, text, line string) {
	t.Helper()
	wwids := map[string]bool{}
	for _, w := range owner {
		wwids[w] = true
	}
	for k := range got.Maps {
		m := &got.Maps[k]
		for p := range m.Each {
			if of, known := owner[p.Devt()]; known && p.Devt() != "#:#" && of != m.WWID && wwids[m.WWID] {
				t.Fatalf("line %d %s (%q): path %s of %q is under %q in\n%s", i, damage, line, p.Dev(), of, m.WWID, text)
			}
		}
	}
}
