package multipath

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seeds(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.text)
	}
	for i, e := range eras {
		s := &source{Rand: rand.New(rand.NewPCG(uint64(i), 11)), era: e}
		f.Add([]byte(e.print(s, s.maps(3))))
	}
}

// steady checks what holds for whatever is read: an error is without a result,
// and the same text has the same reading.
func steady(t *testing.T, text []byte, read func([]byte) (*Topology, error)) {
	got, err := read(text)
	again, errAgain := read(text)
	if (err == nil) != (got != nil) {
		t.Fatalf("topology %v beside error %v", got, err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Fatalf("two readings:\n%s", diff)
	}
	if err != nil && err.Error() != errAgain.Error() {
		t.Fatalf("two errors: %v, %v", err, errAgain)
	}
	if got == nil {
		return
	}
	for _, m := range got.Maps {
		if m.Name == "" {
			t.Fatal("a map without a name")
		}
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) { steady(t, text, Parse) })
}

func FuzzParseJSON(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) { steady(t, text, ParseJSON) })
}

func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) { steady(t, text, ParseAny) })
}
