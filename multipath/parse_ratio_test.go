//go:build unix

package multipath

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What reading costs, beside what it is measured by, in one run:
//
//	go test -run '^$' -bench Ratio ./multipath
//
// OnlyMemory is the limit: the memory that a topology takes, with nothing read.
// Parse has a copy of the text beside. "x-lines" is how many times as long it takes as the same bytes do line by line
// through bufio.Scanner; "x-json" how many times as long encoding/json takes with
// the daemon's JSON of the same topology. Both are by processor time, all threads
// of the garbage collector included, so that other work on the machine does not
// count; "x-lines-wall" and "x-json-wall" are by the clock.
func BenchmarkRatio(b *testing.B) {
	for _, read := range []struct {
		name string
		do   reading
	}{
		{"Parse", func(text []byte, _ string, _ int) (int, error) { t, err := Parse(text); return len(t.Maps), err }},
		{"ParseString", func(_ []byte, s string, _ int) (int, error) { t, err := ParseString(s); return len(t.Maps), err }},
		{"OnlyMemory", func(_ []byte, s string, n int) (int, error) { return onlyMemory(s, n), nil }},
		{"OnlyMemoryAndCopy", func(text []byte, _ string, n int) (int, error) { return onlyMemory(string(text), n), nil }},
	} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/maps=%d", read.name, n), func(b *testing.B) { ratio(b, n, read.do) })
		}
	}
}

// A reading reads n maps from a text, which it gets as bytes and as a string, and
// returns how many it has found.
type reading func(text []byte, s string, n int) (int, error)

// A cost is what one call takes, by the clock and by the processors.
type cost struct{ wall, cpu, allocs float64 }

func ratio(b *testing.B, n int, read reading) {
	maps := host(n)
	text := []byte(plainTree(nil, maps))
	daemon := []byte(validJSON(nil, maps))
	s := string(text)
	parse := func() {
		if got, err := read(text, s, n); err != nil || got != n {
			b.Fatal(got, err)
		}
	}
	lines := func() {
		for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		}
	}
	decode := func() {
		var d daemonJSON
		if err := json.Unmarshal(daemon, &d); err != nil || len(d.Maps) != n {
			b.Fatal(len(d.Maps), err)
		}
	}
	var parsed, lined, decoded []cost
	for b.Loop() {
		lined = append(lined, measured(20*time.Millisecond, lines))
		parsed = append(parsed, measured(20*time.Millisecond, parse))
		decoded = append(decoded, measured(20*time.Millisecond, decode))
	}
	p, l, d := median(parsed), median(lined), median(decoded)
	b.ReportMetric(p.cpu/l.cpu, "x-lines")
	b.ReportMetric(d.cpu/p.cpu, "x-json")
	b.ReportMetric(p.wall/l.wall, "x-lines-wall")
	b.ReportMetric(d.wall/p.wall, "x-json-wall")
	b.ReportMetric(p.cpu/float64(n), "cpu-ns/map")
	b.ReportMetric(p.allocs/float64(n), "allocs/map")
	b.ReportMetric(0, "ns/op")
}

// measured calls f for about d, on a heap that nothing was left on.
func measured(d time.Duration, f func()) cost {
	f()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun, n := processorTime(), time.Now(), 0
	for time.Since(begun) < d {
		f()
		n++
	}
	wall := time.Since(begun)
	used := processorTime() - cpu
	runtime.ReadMemStats(&after)
	per := 1 / float64(n)
	return cost{wall: per * float64(wall), cpu: per * float64(used), allocs: per * float64(after.Mallocs-before.Mallocs)}
}

func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(costs []cost) cost {
	by := func(of func(cost) float64) float64 {
		all := make([]float64, len(costs))
		for i, c := range costs {
			all[i] = of(c)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return cost{
		wall: by(func(c cost) float64 { return c.wall }), cpu: by(func(c cost) float64 { return c.cpu }),
		allocs: by(func(c cost) float64 { return c.allocs }),
	}
}

// validJSON is the daemon's JSON without what encoding/json refuses.
func validJSON(s *source, maps []Map) string {
	return strings.ReplaceAll(printJSON(s, maps), `0"1`, "01")
}

// onlyMemory fills the memory that the topology of n maps takes.
func onlyMemory(s string, n int) int {
	r := newBatch(textPath)
	for i := range n {
		pos := i * len(s) / n
		m := r.addMap(pos, len(s))
		m.Name, m.WWID, m.DM, m.Vendor, m.Product = s[:1], s[:2], s[:3], s[:4], s[:5]
		m.Size, m.Features, m.Handler, m.Write = s[:6], s[:7], s[:8], s[:9]
		for range 2 {
			g := r.groups.add(pos, len(s))
			g.Policy, g.Status = s[:1], s[:2]
			for range 4 {
				r.paths.add(pos, len(s)).row = s[:57]
			}
			g.Paths = r.paths.take()
		}
		m.Groups = r.groups.take()
	}
	return len(r.maps)
}
