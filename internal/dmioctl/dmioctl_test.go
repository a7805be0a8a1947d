package dmioctl

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestRequestHeader(t *testing.T) {
	want := Header{
		Version: [3]uint32{4, 0, 0}, DataSize: HeaderSize + 100, DataStart: HeaderSize,
		Flags: FlagNoFlush | FlagStatusTable, EventNr: UdevPrimarySource << UdevShift,
		Dev: Dev(254, 300), Name: "mpathb", UUID: "mpath-3600140512",
	}
	buf := Request(want, []byte("payload"), HeaderSize+100)
	got, err := ParseHeader(buf)
	require.NoError(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	require.Equal(t, "payload", string(buf[HeaderSize:HeaderSize+7]))
	require.Len(t, Request(Header{}, make([]byte, 50), 0), HeaderSize+50, "a payload grows the buffer")
}

func TestNames(t *testing.T) {
	for name, want := range map[string][]Name{
		"none": nil,
		"one":  {{Dev: Dev(254, 0), Name: "mpatha"}},
		"some": {{Dev: Dev(254, 0), Name: "a"}, {Dev: Dev(254, 1), Name: "root-swap"}, {Dev: Dev(254, 256), Name: `my\x20map`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseNames(answer(AppendNames(nil, want), 0))
			require.NoError(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The kernel's answer where there is no device: its data size ends with the
// header.
func TestNoNames(t *testing.T) {
	got, err := ParseNames(Request(Header{}, nil, 0))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestTargets(t *testing.T) {
	for name, want := range map[string][]Target{
		"none": nil,
		"one":  {{Length: 16384, Type: "multipath", Params: "0 0 1 1 service-time 0 1 2 8:0 1 1"}},
		"two":  {{Length: 8, Type: "zero"}, {Start: 8, Length: 8, Type: "linear", Params: "254:0 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTargets(answer(AppendTargets(nil, want), len(want)))
			require.NoError(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	got, err := ParseMessage(Request(Header{}, Message("fail_if_no_path"), 0))
	require.NoError(t, err)
	require.Equal(t, "fail_if_no_path", got)
}

func TestAnswerThatDoesNotFit(t *testing.T) {
	buf := make([]byte, HeaderSize+10)
	Answer(buf, Header{Name: "mpatha"}, make([]byte, 11))
	h, err := ParseHeader(buf)
	require.NoError(t, err)
	require.NotZero(t, h.Flags&FlagBufferFull)
}

func TestDamaged(t *testing.T) {
	names := answer(AppendNames(nil, []Name{{Dev: 1, Name: "a"}, {Dev: 2, Name: "b"}}), 0)
	wild := append([]byte(nil), names...)
	wild[HeaderSize+8] = 0xff // next
	for name, parse := range map[string]func() error{
		"short header":   func() error { _, err := ParseHeader(make([]byte, HeaderSize-1)); return err },
		"names cut off":  func() error { _, err := ParseNames(answer(names[HeaderSize:HeaderSize+11], 0)); return err },
		"names lead out": func() error { _, err := ParseNames(wild); return err },
		"table cut off":  func() error { _, err := ParseTargets(answer(nil, 1000)); return err },
		"message cut":    func() error { _, err := ParseMessage(Request(Header{}, nil, 0)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var bad *DecodeError
			if err := parse(); !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestDev(t *testing.T) {
	for _, want := range [][2]uint32{{8, 0}, {254, 12}, {254, 256}, {253, 0xfffff}, {4095, 1}} {
		major, minor := MajorMinor(Dev(want[0], want[1]))
		require.Equal(t, want, [2]uint32{major, minor})
	}
	require.EqualValues(t, 0x10fe00, Dev(254, 256), "as the kernel's huge_encode_dev")
}

func answer(data []byte, targets int) []byte {
	buf := make([]byte, HeaderSize+len(data))
	Answer(buf, Header{TargetCount: uint32(targets)}, data)
	return buf
}

// FuzzAnswer feeds all decoders: an error leaves nothing, and nothing panics.
func FuzzAnswer(f *testing.F) {
	f.Add(answer(AppendNames(nil, []Name{{Dev: 1, Name: "a"}, {Dev: 2, Name: "b"}}), 0))
	f.Add(answer(AppendTargets(nil, []Target{{Length: 8, Type: "zero"}, {Length: 8, Type: "linear", Params: "1"}}), 2))
	f.Add(Request(Header{}, Message("queue_if_no_path"), 0))
	f.Fuzz(func(t *testing.T, buf []byte) {
		if names, err := ParseNames(buf); err != nil && names != nil {
			t.Fatal("names beside an error")
		}
		if targets, err := ParseTargets(buf); err != nil && targets != nil {
			t.Fatal("targets beside an error")
		}
		if text, err := ParseMessage(buf); err != nil && text != "" {
			t.Fatal("a message beside an error")
		}
	})
}
