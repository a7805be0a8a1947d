package multipath

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// host makes n maps of 8 paths, as a node with much storage has them.
func host(n int) []Map {
	prio := [2]int{50, 10}
	maps := make([]Map, n)
	for i := range maps {
		m := mapWords{
			Name: fmt.Sprintf("mpath%c%c%c", 'a'+i/676%26, 'a'+i/26%26, 'a'+i%26), WWID: fmt.Sprintf("360014055e7000000%016x", i), DM: fmt.Sprint("dm-", i),
			Vendor: "LIO-ORG", Product: "TCMU device", Features: "1 queue_if_no_path", Handler: "1 alua", Write: "rw", Size: "10G",
		}
		for g := range 2 {
			group := groupWords{Policy: "service-time 0", Prio: &prio[g], Status: [2]string{"active", "enabled"}[g]}
			for p := range 4 {
				group.Paths = append(group.Paths, pathWords{
					HCTL: fmt.Sprintf("%d:0:0:%d", g*4+p, i), Dev: fmt.Sprintf("sd%c%c%c", 'a'+p, 'a'+i%26, 'a'+i/26%26),
					Devt: fmt.Sprintf("8:%d", i*8+g*4+p), DMState: "active", CheckState: "ready", DevState: "running",
				})
			}
			m.Groups = append(m.Groups, newGroup(group))
		}
		maps[i] = newMap(m)
	}
	return maps
}

var sizes = []int{10, 1000, 10000}

func benchmark(b *testing.B, print func(*source, []Map) string, form Form, read func([]byte) (int, error)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint("maps=", n), func(b *testing.B) {
			s := &source{era: era{form: form}}
			text := []byte(print(s, host(n)))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				got, err := read(text)
				if err != nil || got != n && got != 0 {
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/map")
		})
	}
}

// plainTree is printTree without chance.
func plainTree(_ *source, maps []Map) string {
	var b strings.Builder
	w := widths(maps)
	for _, m := range maps {
		fmt.Fprintf(&b, "%s %s %s\nsize=%s features='%s' hwhandler='%s' wp=%s\n", named(m), m.DM, vendored(m), m.Size(), m.Features(), m.Handler(), m.Write())
		for i, g := range m.Groups {
			treeGroup(&b, g, w, i == len(m.Groups)-1)
		}
	}
	return b.String()
}

// The limit: the same bytes line by line, with nothing done to them.
func BenchmarkLinesScanner(b *testing.B) {
	benchmark(b, plainTree, FormTree, func(text []byte) (int, error) {
		sc := bufio.NewScanner(bytes.NewReader(text))
		n := 0
		for sc.Scan() {
			n += len(sc.Bytes())
		}
		return 0, sc.Err()
	})
}

func BenchmarkLinesIndexByte(b *testing.B) {
	benchmark(b, plainTree, FormTree, func(text []byte) (int, error) {
		for {
			n := bytes.IndexByte(text, '\n')
			if n < 0 {
				return 0, nil
			}
			text = text[n+1:]
		}
	})
}

func BenchmarkParse(b *testing.B) {
	benchmark(b, plainTree, FormTree, func(text []byte) (int, error) {
		t, err := Parse(text)
		return len(t.Maps), err
	})
}

func BenchmarkParseString(b *testing.B) {
	var text string
	benchmark(b, plainTree, FormTree, func(bytes []byte) (int, error) {
		if len(text) != len(bytes) {
			text = string(bytes) // once
		}
		t, err := parseString(text)
		return len(t.Maps), err
	})
}

func BenchmarkParseBracket(b *testing.B) {
	benchmark(b, printBracket, FormBracket, func(text []byte) (int, error) {
		t, err := Parse(text)
		return len(t.Maps), err
	})
}

func BenchmarkParseJSON(b *testing.B) {
	benchmark(b, printJSON, FormJSON, func(text []byte) (int, error) {
		t, err := ParseJSON(text)
		return len(t.Maps), err
	})
}

// daemonJSON is the daemon's layout for encoding/json: no more than ParseJSON
// keeps.
type daemonJSON struct {
	Maps []struct {
		Name, UUID, Sysfs, Failback, Queueing, Features, HWHandler, Action, Vend, Prod string

		WriteProt string `json:"write_prot"`
		State     string `json:"dm_st"`
		Groups    []struct {
			Selector string
			Pri      int
			State    string `json:"dm_st"`
			Paths    []struct {
				Dev      string
				Devt     string `json:"dev_t"`
				State    string `json:"dm_st"`
				DevState string `json:"dev_st"`
				Checked  string `json:"chk_st"`
			}
		} `json:"path_groups"`
	}
}

// The same topology by way of the daemon's JSON and encoding/json.
func BenchmarkEncodingJSON(b *testing.B) {
	benchmark(b, validJSON, FormJSON, func(text []byte) (int, error) {
		var d daemonJSON
		err := json.Unmarshal(text, &d)
		return len(d.Maps), err
	})
}
