package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// Cron mails what a job says, and a monitor shows one line: a host on which all
// is well has nothing to say.
func TestBrief(t *testing.T) {
	for name, want := range map[string]struct {
		status int
		text   string
	}{
		"clean":     {statusClean, ""},
		"outage":    {statusClean, ""},
		"orphan":    {statusLeft, "worker-3: 1 residual: 360014055e7c14d0b8aa4f6e92d3b7c05 is orphan-path\n"},
		"queueing":  {statusLeft, "worker-3: 2 residual: mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) is stale, mpathe (36001405c6d81f39e07b4a2593f1c8e60) is stale\n"},
		"empty-map": {statusLeft, "worker-3: 1 residual: mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) is empty-map\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			got := run(context.Background(), []string{"scan", "-brief", "-simulate", name}, strings.NewReader(""), &out, &errs)
			require.Equal(t, want.status, got, errs.String())
			if diff := cmp.Diff(want.text, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
