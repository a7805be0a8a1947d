//go:build unix

package multipath

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What reading costs, beside what it is measured by, in one run:
//
//	go test -run '^$' -bench Ratio ./multipath
//
// "parse/lines" is how many times as long [parseString] takes as the same bytes do
// line by line through bufio.Scanner, with nothing done to them; "json/parse" how
// many times as long encoding/json takes with the daemon's JSON of the same
// topology. "floor/lines" is the limit: the memory that the topology takes, with
// nothing read. With "copy-" it is [Parse], which copies the text; its floor has
// the copy beside.
//
// All is processor time, the garbage collector's threads included, so that other
// work on the machine does not count, and the least of several rounds, each of
// which measures everything once.
func BenchmarkRatio(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint("maps=", n), func(b *testing.B) { ratio(b, n) })
	}
}

// A cost is what one call takes.
type cost struct{ cpu, allocs float64 }

func ratio(b *testing.B, n int) {
	maps := host(n)
	text := []byte(plainTree(nil, maps))
	daemon := []byte(validJSON(nil, maps))
	s := string(text)
	parsed := func(t *Topology, err error) {
		if err != nil || len(t.Maps) != n {
			b.Fatal(err)
		}
	}
	const lines, decode, parse, floor, parseCopy, floorCopy = 0, 1, 2, 3, 4, 5
	work := [...]func(){
		lines: func() {
			for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
			}
		},
		decode: func() {
			var d daemonJSON
			if err := json.Unmarshal(daemon, &d); err != nil || len(d.Maps) != n {
				b.Fatal(len(d.Maps), err)
			}
		},
		parse:     func() { parsed(parseString(s)) },
		floor:     func() { onlyMemory(s, n) },
		parseCopy: func() { parsed(Parse(text)) },
		floorCopy: func() { onlyMemory(string(text), n) },
	}
	var best [len(work)]cost
	for b.Loop() {
		for i, f := range work {
			if c := measured(20*time.Millisecond, 1+1000/n, f); best[i].cpu == 0 || c.cpu < best[i].cpu {
				best[i] = c
			}
		}
	}
	report := func(name string, a, by int) { b.ReportMetric(best[a].cpu/best[by].cpu, name) }
	report("parse/lines", parse, lines)
	report("json/parse", decode, parse)
	report("floor/lines", floor, lines)
	report("copy-parse/lines", parseCopy, lines)
	report("json/copy-parse", decode, parseCopy)
	report("copy-floor/lines", floorCopy, lines)
	b.ReportMetric(best[parse].allocs/float64(n), "allocs/map")
	b.ReportMetric(0, "ns/op")
}

// measured calls f for about d, so many times between two looks at the time, on a
// heap that nothing was left on.
func measured(d time.Duration, times int, f func()) cost {
	f()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun, used, n := processorTime(), time.Duration(0), 0
	for used < d {
		for range times {
			f()
		}
		n += times
		used = processorTime() - begun
	}
	runtime.ReadMemStats(&after)
	per := 1 / float64(n)
	return cost{cpu: per * float64(used), allocs: per * float64(after.Mallocs-before.Mallocs)}
}

func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// validJSON is the daemon's JSON without what encoding/json refuses.
func validJSON(s *source, maps []Map) string {
	return strings.ReplaceAll(printJSON(s, maps), `0"1`, "01")
}

// onlyMemory fills the memory that the topology of n maps takes.
func onlyMemory(s string, n int) int {
	r := newBatch(textPath)
	rows, made, has := make([]groupRow, 2), &maker{}, &properties{}
	for i := range n {
		pos := i * len(s) / n
		m := r.addMap(pos, len(s))
		m.Name, m.WWID, m.DM, m.maker, m.properties = s[:1], s[:2], s[:3], made, has
		for range 2 {
			g := r.groups.add(pos, len(s))
			*g = Group{row: &rows[0], paths: r.table, from: r.len()}
			for range 4 {
				*r.row(pos, len(s)) = pathRow{at: uint32(pos)}
			}
			g.to = r.len()
		}
		m.Groups = r.groups.take()
	}
	return len(r.maps)
}
