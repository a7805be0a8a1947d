package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestReached(t *testing.T) {
	for name, test := range map[string]struct {
		backend string
		passed  []string
		want    string
	}{
		"in the best way": {"socket", nil, ""},
		"in another":      {"command", []string{"socket: refused"}, "multipath was reached by command alone, because of socket: refused"},
		"in none":         {"auto", []string{"socket: refused", "dm: none"}, "multipath was not reached, because of socket: refused; dm: none"},
	} {
		t.Run(name, func(t *testing.T) {
			got := reached(&document{Backend: &test.backend, Passed: test.passed})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A failed verify says nothing of what it was asked about.
func TestFailedVerifySaysNothing(t *testing.T) {
	got := sweep(t.Context(), nil, "", "verify", wwidB, "-root", t.TempDir())
	require.Equal(t, statusFailed, got.status)
	require.Empty(t, got.out)
}

// The manual of verify leaves out what decides on a removal; the flags are taken
// all the same.
func TestVerifyManual(t *testing.T) {
	var out bytes.Buffer
	writeHelp(&out, "verify")
	for _, name := range []string{"own", "detached", "dwell", "max-dead", "runbook"} {
		require.NotContains(t, out.String(), "\n  -"+name+" ")
	}
	require.Contains(t, out.String(), "\n  -plan ")
	_, err := parse([]string{"verify", "-own", "all", "-dwell", "0", wwidB})
	require.NoError(t, err)
}
