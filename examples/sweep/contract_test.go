package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// decoded is the one JSON object in a command's output.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var doc map[string]any
	require.NoError(t, d.Decode(&doc), "%s", text)
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "something follows the object")
	return doc
}

// missing lists which of the fields an object does not have.
func missing(obj any, fields ...string) []string {
	m, _ := obj.(map[string]any)
	return slices.DeleteFunc(fields, func(f string) bool { _, ok := m[f]; return ok })
}

// The field names are relied upon outside this project: they never change.
func TestJSONFields(t *testing.T) {
	tests := map[string][]string{
		"scan":   {"scan", "-simulate", "inuse", "-json"},
		"plan":   {"-json", "plan", "-simulate", "residual", "-own", "all", "-dwell", "0"},
		"apply":  {"apply", "-json", "-yes", "-simulate", "residual", "-own", "all", "-dwell", "0"},
		"verify": {"verify", wwidB, "-json", "-simulate", "residual"},
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sweep(context.Background(), nil, "", args...)
			doc := decoded(t, got.out)
			lacks := missing(doc, "schema", "host", "time", "devices", "plan", "results", "error")
			for _, d := range list(doc, "devices") {
				lacks = append(lacks, deviceLacks(d)...)
			}
			if p := doc["plan"]; p != nil {
				lacks = append(lacks, missing(p, "id", "expires", "steps")...)
				for _, s := range list(p, "steps") {
					lacks = append(lacks, missing(s, "n", "wwid", "action", "target", "why")...)
				}
			}
			for _, r := range list(doc, "results") {
				lacks = append(lacks, missing(r, "wwid", "outcome", "reason", "steps")...)
				for _, s := range list(r, "steps") {
					lacks = append(lacks, missing(s, "action", "target", "outcome", "error", "took_ms")...)
				}
			}
			if len(lacks) > 0 {
				t.Errorf("sweep %q lacks the fields %q:\n%s", args, lacks, got.out)
			}
		})
	}
}

func list(obj any, field string) []any {
	m, _ := obj.(map[string]any)
	l, _ := m[field].([]any)
	return l
}

func deviceLacks(d any) []string {
	lacks := missing(d, "wwid", "verdict", "map", "paths", "read", "in_use", "owner", "removable", "reasons", "evidence")
	m := d.(map[string]any)
	if m["map"] != nil {
		lacks = append(lacks, missing(m["map"], "name", "dm", "devt", "queueing", "suspended")...)
	}
	for _, p := range list(d, "paths") {
		lacks = append(lacks, missing(p, "dev", "hctl", "devt", "state", "dm_state", "check_state")...)
	}
	for _, u := range list(d, "in_use") {
		lacks = append(lacks, missing(u, "kind", "by", "detail")...)
	}
	return lacks
}

// A root that is no host's, or a part of one, is told with where to look.
func TestHintOnRoot(t *testing.T) {
	empty, part := t.TempDir(), t.TempDir()
	for _, dir := range []string{"sys/block", "sys/bus", "dev"} {
		require.NoError(t, os.MkdirAll(filepath.Join(part, dir), 0o755))
	}
	for _, root := range []string{empty, part, filepath.Join(empty, "missing")} {
		got := sweep(t.Context(), nil, "", "scan", "-root", root)
		require.Equal(t, statusFailed, got.status)
		require.Contains(t, got.err, "(where is the host's file system? -root;")
	}
}

// What there is none of is null or an empty list, and never left away.
func TestJSONOfNothing(t *testing.T) {
	got := sweep(context.Background(), nil, "", "verify", wwidNone, "-json", "-simulate", "clean")
	doc := decoded(t, got.out)
	delete(doc, "time")
	want := map[string]any{
		"schema": 1.0, "command": "verify", "host": "worker-3", "backend": nil, "devices": []any{}, "plan": nil,
		"results":  []any{map[string]any{"wwid": wwidNone, "outcome": "absent", "reason": "is gone", "steps": []any{}}},
		"verified": []any{map[string]any{"wwid": wwidNone, "gone": true, "remains": []any{}, "notes": []any{}}},
		"gaps":     []any{}, "error": nil,
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("verify of nothing (-want +got):\n%s", diff)
	}
}

// An error is told in the JSON object, too, and unknown is null.
func TestJSONOfFailure(t *testing.T) {
	root := t.TempDir()
	for _, args := range [][]string{
		{"scan", "-json", "-root", root}, {"plan", "-json", "-root", root},
		{"apply", "-json", "-yes", "-root", root}, {"verify", wwidB, "-json", "-root", root},
	} {
		got := sweep(context.Background(), nil, "", args...)
		doc := decoded(t, got.out)
		text, _ := doc["error"].(string)
		if got.status != statusFailed || text == "" || doc["host"] != nil {
			t.Errorf("sweep %q ended with %d, error %q, host %v", args, got.status, text, doc["host"])
		}
	}
}

func TestStatusAndHint(t *testing.T) {
	tests := map[string]struct {
		args   []string
		status int
		err    string // what standard error begins with
	}{
		"nothing residual":      {[]string{"scan", "-simulate", "clean"}, 0, "sweep: simulated host"},
		"an outage":             {[]string{"scan", "-simulate", "outage"}, 0, ""},
		"residual":              {[]string{"scan", "-simulate", "orphan"}, 3, ""},
		"help":                  {[]string{"help", "scan"}, 0, ""},
		"flag help":             {[]string{"-h"}, 0, ""},
		"no command":            {nil, 2, "sweep finds"},
		"no such command":       {[]string{"clean"}, 2, "sweep: which command? \"clean\" is none of scan, plan, apply, verify (see: sweep help)\n"},
		"no such flag":          {[]string{"scan", "-all"}, 2, "sweep scan: flag provided but not defined: -all (see: sweep scan -h)\n"},
		"no such simulation":    {[]string{"scan", "-simulate", "paradise"}, 2, "sweep scan: -simulate \"paradise\" is none of"},
		"neither plan nor word": {[]string{"apply"}, 2, "sweep apply: needs a plan (-plan FILE), or your word"},
		"no such plan":          {[]string{"apply", "-plan", "/nowhere/plan.json"}, 1, "sweep apply: read the plan: open /nowhere/plan.json"},
		"an empty plan":         {[]string{"apply", "-plan", "-"}, 1, "sweep apply: plan on standard input: read the plan: unexpected end"},
		"circuit breaker":       {[]string{"plan", "-simulate", "outage", "-own", "all", "-detached", wwidB, "-dwell", "0"}, 3, ""},
		"breaker at apply":      {[]string{"apply", "-yes", "-simulate", "outage", "-own", "all", "-detached", wwidB, "-dwell", "0"}, 3, ""},
		"too little time":       {[]string{"plan", "-simulate", "residual", "-timeout", "1ms"}, 1, ""},
		"cut short":             {[]string{"verify", "-simulate", "residual", wwidB[:len(wwidB)-1]}, 2, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sweep(context.Background(), nil, "", test.args...)
			if got.status != test.status || !strings.HasPrefix(got.err, test.err) {
				t.Errorf("sweep %q ended with %d, want %d, and said %q, want %q", test.args, got.status, test.status, got.err, test.err)
			}
			if got.status == statusUsage && got.out != "" {
				t.Errorf("sweep %q wrote to standard output: %q", test.args, got.out)
			}
		})
	}
}
