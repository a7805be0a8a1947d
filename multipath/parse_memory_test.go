package multipath

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What reading takes is bounded by the text, whatever is in it: so many
// allocations and bytes for each byte of text, and no more for ten times as much.
func TestParseMemory(t *testing.T) {
	times := func(line string) func(n int) string { return func(n int) string { return strings.Repeat(line, n) } }
	printed := func(print func(*source, []Map) string, form Form) func(n int) string {
		return func(n int) string { return print(&source{era: era{form: form}}, host(n)) }
	}
	const unit = "mpatha (36001) dm-0 LIO-ORG,TCMU device\nsize=10G features='0' hwhandler='0' wp=rw\n"
	for _, tt := range []struct {
		name   string
		text   func(n int) string
		allocs float64 // for each kilobyte of text
		bytes  float64 // for each byte of text
	}{
		{"usual", printed(plainTree, FormTree), 0.1, 1},
		{"bracket", printed(printBracket, FormBracket), 4, 2},
		{"json", printed(printJSON, FormJSON), 0.5, 1},
		{"without paths", times(strings.Replace(unit, "LIO-ORG,TCMU device", "##,##", 1)), 0.5, 3},
		{"noise", times("Aug 14 09:33:02 | sdd: alua not supported\nwhat is this\n"), 0.5, 1},
		{"bold", times("\x1b[1mmpatha (36001) dm-0 ##,##\x1b[0m\nsize=10G features='0' hwhandler='0' wp=rw\n"), 30, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{1000, 10000} {
				text := tt.text(n)
				allocs, bytes := taken(func() { _, _ = read(text) })
				size := float64(len(text))
				require.LessOrEqual(t, allocs/size*1024, tt.allocs, "allocations per kilobyte of %d", len(text))
				require.LessOrEqual(t, bytes/size, tt.bytes, "bytes per byte of %d", len(text))
			}
		})
	}
}

// taken returns how many allocations f makes, and of how many bytes.
func taken(f func()) (allocs, bytes float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
}
