package multipath

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMapWords(t *testing.T) {
	w := mapWords{
		Name: "mpatha", WWID: "36001", DM: "dm-0", Vendor: "LIO-ORG", Product: "TCMU device", Size: "10G", Features: "1 queue_if_no_path",
		Handler: "1 alua", Write: "rw", Action: "reload", Foreign: "nvme",
		Groups: []Group{newGroup(groupWords{Policy: "service-time 0", Paths: []pathWords{{Dev: "sda"}, {Dev: "sdb"}}}), newGroup(groupWords{Paths: []pathWords{{Dev: "sdc"}}})},
	}
	m := newMap(w)
	require.Equal(t, w, m.words())
	require.True(t, m.Queueing())
	var devs []string
	for p := range m.Each {
		devs = append(devs, p.Dev())
	}
	require.Equal(t, []string{"sda", "sdb", "sdc"}, devs)
	for p := range m.Each {
		require.Equal(t, "sda", p.Dev())
		break
	}
	zero := Map{}
	require.Equal(t, mapWords{}, zero.words())
	require.False(t, zero.Queueing())
}

func TestMapEqual(t *testing.T) {
	two, three := 2, 3
	m := func(change func(*Map)) Map {
		m := newMap(mapWords{Name: "mpatha", Vendor: "LIO-ORG", Size: "10G", Groups: []Group{{}}})
		m.Live = &MapState{State: "active", Active: &two}
		change(&m)
		return m
	}
	same := m(func(*Map) {})
	require.True(t, same.Equal(m(func(m *Map) { n := 2; m.Live = &MapState{State: "active", Active: &n} })))
	require.True(t, Map{}.Equal(newMap(mapWords{})))
	for name, change := range map[string]func(*Map){
		"name":       func(m *Map) { m.Name = "mpathb" },
		"partial":    func(m *Map) { m.Partial = true },
		"vendor":     func(m *Map) { m.maker = &maker{vendor: "IBM"} },
		"no vendor":  func(m *Map) { m.maker = nil },
		"size":       func(m *Map) { m.properties = &properties{size: "11G"} },
		"no groups":  func(m *Map) { m.Groups = nil },
		"groups":     func(m *Map) { m.Groups = []Group{newGroup(groupWords{Status: "active"})} },
		"paths":      func(m *Map) { m.Groups = []Group{newGroup(groupWords{Paths: []pathWords{{}}})} },
		"text":       func(m *Map) { m.Live = nil },
		"state":      func(m *Map) { m.Live.State = "suspend" },
		"paths used": func(m *Map) { m.Live.Active = &three },
		"not told":   func(m *Map) { m.Live.Active = nil },
	} {
		require.False(t, same.Equal(m(change)), name)
		require.False(t, m(change).Equal(same), name)
	}
}

func TestMapJSON(t *testing.T) {
	const text = `[{"alias":"a","wwid":"36","vendor":"B","groups":[{"policy":"p 0","prio":-1,"status":"active","paths":[{"dev":"sda"}]}]},{"alias":"","groups":null}]`
	var maps []Map
	require.NoError(t, json.Unmarshal([]byte(text), &maps))
	require.Equal(t, "B", maps[0].Vendor())
	b, err := json.Marshal(maps)
	require.NoError(t, err)
	require.Equal(t, text, string(b))
	require.Error(t, json.Unmarshal([]byte(`[{"alias":1}]`), &maps))
}
