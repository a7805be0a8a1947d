package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// plannedOn makes a plan for the host and returns its file.
func plannedOn(t *testing.T, open opener, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.json")
	got := sweep(context.Background(), open, "", append([]string{"plan", "-dwell", "0", "-o", file}, args...)...)
	require.Equal(t, statusLeft, got.status, got.err)
	return file
}

// The runbook from end to end: the plan says itself what is ours.
func TestPlanApplyVerify(t *testing.T) {
	t.Parallel()
	open := on(staged(t, "residual"))
	file := plannedOn(t, open, "-own", "all")
	journal := filepath.Join(t.TempDir(), "journal")
	for _, step := range []struct {
		args   []string
		status int
	}{
		{[]string{"verify", "-plan", file}, 3},
		{[]string{"apply", "-plan", file, "-journal", journal}, 0},
		{[]string{"verify", "-plan", file}, 0},
		{[]string{"verify", wwidB}, 0},
		{[]string{"verify", wwidB, wwidA}, 3},
		{[]string{"apply", "-plan", file}, 0}, // absent is fine
		{[]string{"scan"}, 0},
	} {
		if got := sweep(context.Background(), open, "", step.args...); got.status != step.status {
			t.Errorf("sweep %q ended with %d, want %d:\n%s%s", step.args, got.status, step.status, got.out, got.err)
		}
	}
	b, err := os.ReadFile(journal)
	require.NoError(t, err)
	if begins, ends := strings.Count(string(b), `"kind":"begin"`), strings.Count(string(b), `"kind":"end"`); begins == 0 || begins != ends {
		t.Errorf("the journal has %d begins and %d ends:\n%s", begins, ends, b)
	}
}

func TestPlanThroughAPipe(t *testing.T) {
	t.Parallel()
	open := on(staged(t, "residual"))
	made := sweep(context.Background(), open, "", "plan", "-json", "-own", "all", "-dwell", "0")
	got := sweep(context.Background(), open, made.out, "apply", "-plan", "-")
	if got.status != statusClean {
		t.Errorf("apply ended with %d:\n%s%s", got.status, got.out, got.err)
	}
}

// What changed since the plan was made is refused, and nothing is touched.
func TestApplyRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*testing.T, string) []string // on the plan's file: more flags
		host   func(*remediatetest.Host)
		status int
		says   string
	}{
		"mounted since": {
			host:   func(h *remediatetest.Host) { h.Mount("dm-12", "/mnt") },
			status: statusLeft, says: "in use: mount /mnt",
		},
		"restarted since": {
			host:   func(h *remediatetest.Host) { h.Reboot("another-boot") },
			status: statusFailed, says: "make a new plan",
		},
		"disowned since": {
			change: func(*testing.T, string) []string { return []string{"-own", "!wwid:" + wwidB} },
			status: statusLeft, says: "not-mine",
		},
		"edited since": {
			change: func(t *testing.T, file string) []string {
				b, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(b), "mpathb", "mpathc")), 0o600))
				return nil
			},
			status: statusFailed, says: "make a new plan",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := staged(t, "residual")
			args := []string{"apply", "-plan", plannedOn(t, on(h), "-own", "all")}
			if test.change != nil {
				args = append(args, test.change(t, args[2])...)
			}
			if test.host != nil {
				test.host(h)
			}
			got := sweep(context.Background(), on(h), "", args...)
			if got.status != test.status || !strings.Contains(got.out+got.err, test.says) {
				t.Errorf("apply ended with %d, want %d and %q:\n%s%s", got.status, test.status, test.says, got.out, got.err)
			}
			if diff := cmp.Diff(0, len(h.Actions())); diff != "" {
				t.Errorf("actions on the host (-want +got):\n%s\n%q", diff, h.Actions())
			}
		})
	}
}

// Whoever is not root gets to see what can be seen, is told what cannot, and
// status 1.
func TestWithoutRights(t *testing.T) {
	for _, args := range [][]string{
		{"scan"}, {"plan", "-own", "all", "-dwell", "0"}, {"apply", "-yes", "-own", "all", "-dwell", "0"}, {"verify", wwidB},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			h := staged(t, "residual")
			got := sweep(context.Background(), locked(h), "", args...)
			if got.status != statusFailed || !strings.Contains(got.err, "needs root") {
				t.Errorf("sweep %q ended with %d and said %q", args, got.status, got.err)
			}
			if strings.Contains(got.out, "Nothing residual is left.") {
				t.Errorf("sweep %q says what it could not see:\n%s", args, got.out)
			}
			if args[0] != "apply" && !strings.Contains(got.out, wwidB) {
				t.Errorf("sweep %q does not show what it saw:\n%s", args, got.out)
			}
			if len(h.Actions()) > 0 {
				t.Errorf("sweep %q did something: %q", args, h.Actions())
			}
		})
	}
}

// An interrupt in the middle ends the work in good order: what is reported is
// what was done, and the next run goes on from there.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	h := staged(t, "queueing")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h.After("multipathd disablequeueing map mpathe", cancel)
	args := []string{"apply", "-yes", "-own", "wwid:" + remediatetest.WWIDe, "-dwell", "0"}
	got := sweep(ctx, on(h), "", args...)
	if got.status != statusFailed || !strings.Contains(got.err, "interrupted") || !strings.Contains(got.out, "Result of plan") {
		t.Errorf("the interrupted apply ended with %d:\n%s%s", got.status, got.out, got.err)
	}
	if !slices.ContainsFunc(h.Actions(), func(a string) bool { return strings.Contains(a, "restorequeueing map mpathe") }) {
		t.Errorf("queueing was not restored: %q", h.Actions())
	}
	if got := sweep(context.Background(), on(h), "", args...); !strings.Contains(got.out, "removed") {
		t.Errorf("the next run ended with %d:\n%s%s", got.status, got.out, got.err)
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	got := sweep(context.Background(), nil, "", "scan", "-simulate", "residual")
	if strings.Contains(got.out+got.err, "\x1b") {
		t.Errorf("escape sequences in a pipe:\n%q", got.out)
	}
}

func TestSayWhatToRepeat(t *testing.T) {
	c, err := parse([]string{"plan", "-own", "!vendor:A B", "-own", "all", "-simulate", "residual", "-runbook", "-max-dead", "20"})
	require.NoError(t, err)
	s := &session{config: c}
	want := "sweep apply -yes -own '!vendor:A B' -own all -max-dead 20% -runbook -simulate residual\n" +
		"  (or keep this plan: add -o FILE, then: sweep apply -plan FILE)"
	if diff := cmp.Diff(want, s.applyWith()); diff != "" {
		t.Errorf("without -o (-want +got):\n%s", diff)
	}
	s.out = "my plan.json"
	if diff := cmp.Diff("sweep apply -plan 'my plan.json' -max-dead 20% -simulate residual", s.applyWith()); diff != "" {
		t.Errorf("with -o (-want +got):\n%s", diff)
	}
}

// -lock-dir is where the locks and notes are; where it cannot be used, nothing is
// changed.
func TestLockDir(t *testing.T) {
	t.Parallel()
	h := staged(t, "queueing")
	dir := filepath.Join(t.TempDir(), "locks")
	apply := []string{"apply", "-yes", "-own", "all", "-dwell", "0", "-lock-dir", dir}
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	got := sweep(t.Context(), on(h), "", apply...)
	require.Equal(t, statusFailed, got.status, "%s%s", got.out, got.err)
	require.Contains(t, got.err, dir)
	require.Empty(t, h.Actions())

	require.NoError(t, os.Remove(dir))
	got = sweep(t.Context(), on(h), "", apply...)
	require.Equal(t, statusClean, got.status, "%s%s", got.out, got.err)
	require.DirExists(t, dir)
	require.NoDirExists(t, filepath.Join(h.Tree(), "run/lunsweep"))
}

// What has not come back, and may keep the command from ending, is told last.
func TestStuckIsTold(t *testing.T) {
	t.Parallel()
	h := staged(t, "residual")
	h.Patience(20 * time.Millisecond)
	h.HangRead("dm-12")
	sys := h.System()
	open := func(config) (remediate.System, func(), error) { return sys, func() {}, nil }
	defer func() {
		h.Release()
		require.Eventually(t, func() bool { return len(sys.Reader.Stuck()) == 0 }, 10*time.Second, time.Millisecond)
	}()
	got := sweep(t.Context(), open, "", "scan")
	require.Regexp(t, `(?m)^sweep: direct read of 253:12.* has not come back since .* UTC.*: sweep may not end before it does\n\z`, got.err)
	got = sweep(t.Context(), open, "", "scan", "-json")
	stuck := list(decoded(t, got.out), "stuck")
	require.Len(t, stuck, 1)
	require.Empty(t, missing(stuck[0], "what", "since"))
}

func TestStuckWords(t *testing.T) {
	got := stuckWords(remediate.StuckCall{What: "write to sdi/device/delete", Since: began(), WChan: "blk_mq_freeze_queue_wait"})
	want := "write to sdi/device/delete has not come back since 2026-03-01 06:51:12 UTC (it sleeps in blk_mq_freeze_queue_wait): sweep may not end before it does"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
