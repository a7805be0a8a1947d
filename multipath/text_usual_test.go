package multipath

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// carefully reads as parseString does, without what is known ahead.
func carefully(text string) (*Topology, error) {
	r := newTextReader(plain(text))
	for r.pos < len(r.text) {
		if err := r.take(r.next()); err != nil {
			return nil, err
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return &Topology{Maps: r.batch.maps, Form: r.form, Noise: r.noise}, nil
}

func same(t *testing.T, text string) {
	t.Helper()
	got, err := parseString(text)
	want, wantErr := carefully(text)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("want error %v, got %v in\n%s", wantErr, err, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("read ahead, the text means something else (-carefully +ahead):\n%s\n%s", diff, text)
	}
}

// Every text with every byte lost, doubled, or made one that has a meaning
// somewhere, is read ahead as it is read line by line.
func TestUsualIsCareful(t *testing.T) {
	const signs = " \t\r\n|`-+'\"=:,#()[]{}0a_.\x00\x1b\x85"
	each(t, 2, 2, func(t *testing.T, _ *source, _ []Map, text string) {
		same(t, text+text)
		for i := range len(text) {
			same(t, text[:i])
			same(t, text[:i]+text[i+1:])
			same(t, text[:i]+text[i:i+1]+text[i:])
			sign := signs[i%len(signs)]
			same(t, text[:i]+string(sign)+text[i+1:])
			same(t, text[:i]+string(sign)+text[i:])
		}
	})
	for _, s := range samples(t) {
		same(t, string(s.text))
		same(t, strings.ReplaceAll(string(s.text), "\n", "\r\n"))
	}
}

// Addresses and numbers that only some of the readers know.
func TestUsualWords(t *testing.T) {
	const start = "mpatha (36001) dm-0 LIO-ORG,TCMU device\nsize=10G features='0' hwhandler='0' wp=rw\n|-+- policy='service-time 0' prio=50 status=active\n"
	for _, hctl := range []string{"0:0:0:1", "0:0:0:-1", "0:0:0:--1", "0:0:0:-", "0:0:1", "0::0:1", ":0:0:0", "0:0:0:0:0", "#:#:#:#", "#:#:#", "0:0:0:1x", "1", ""} {
		for _, devt := range []string{"8:0", "#:#", "8:", ":0", "8:0:0", "8", "8:0x", ""} {
			row := hctl + " sda " + devt + " active ready running\n"
			same(t, start+"| `- "+row+"`-+- policy='service-time 0' prio=10 status=enabled\n  |- "+row+"  `- "+row)
			same(t, start+"| |- "+row+"| `- "+strings.ReplaceAll(row, " ", "  ")+start)
		}
	}
}

func FuzzUsual(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) { same(t, string(text)) })
}
