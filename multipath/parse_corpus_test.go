package multipath

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A sample is a text in testdata/corpus and its expected parse.
type sample struct {
	Maps      any      `json:"maps"`
	Form      string   `json:"format"`
	Noise     int      `json:"non_topology_lines"`
	Ambiguous []string `json:"ambiguous"`
	text      []byte
}

func samples(tb testing.TB) map[string]sample {
	tb.Helper()
	texts, err := filepath.Glob("testdata/corpus/*.txt")
	require.NoError(tb, err)
	require.NotEmpty(tb, texts)
	all := map[string]sample{}
	for _, path := range texts {
		var s sample
		s.text, err = os.ReadFile(path)
		require.NoError(tb, err)
		want, err := os.ReadFile(strings.TrimSuffix(path, ".txt") + ".json")
		require.NoError(tb, err)
		require.NoError(tb, json.Unmarshal(want, &s))
		all[strings.TrimSuffix(filepath.Base(path), ".txt")] = s
	}
	return all
}

// loose reports whether two sane readers may differ at a place.
func (s sample) loose(place string) bool {
	for _, a := range s.Ambiguous {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(a), `\[\*\]`, `\[\d+\]`)
		if a == "*" || regexp.MustCompile("^"+pattern+`($|[.\[])`).MatchString(place) {
			return true
		}
	}
	return false
}

// prune drops from a decoded JSON value what is empty and what is ambiguous.
func (s sample) prune(value any, at string) any {
	if s.loose(at) {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			if v[key] = s.prune(v[key], at+"."+key); v[key] == nil || v[key] == "" {
				delete(v, key)
			}
		}
	case []any:
		for i := range v {
			v[i] = s.prune(v[i], fmt.Sprintf("%s[%d]", at, i))
		}
		if len(v) == 0 {
			return nil
		}
	}
	return value
}

func TestReadCorpus(t *testing.T) {
	for name, s := range samples(t) {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAny(s.text)
			want := s.prune(s.Maps, "maps")
			if err != nil {
				require.Nil(t, got)
				require.Nil(t, want, "unexpected error: %v", err)
				return
			}
			b, err := json.Marshal(got.Maps)
			require.NoError(t, err)
			var maps any
			require.NoError(t, json.Unmarshal(b, &maps))
			if diff := cmp.Diff(want, s.prune(maps, "maps")); diff != "" {
				t.Errorf("unexpected maps (-want +got):\n%s", diff)
			}
			if got.Noise != s.Noise && !s.loose("non_topology_lines") {
				t.Errorf("noise: want %d lines, got %d", s.Noise, got.Noise)
			}
			if form := got.Form.String(); want != nil && form != s.Form {
				t.Errorf("form: want %q, got %q", s.Form, form)
			}
		})
	}
}
