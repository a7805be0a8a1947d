package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// What is excluded by its whole WWID, in the capital digits in which arrays' consoles
// print it, is either left alone or refused as a name; it is never removed.
func TestExcludedInCapitals(t *testing.T) {
	t.Parallel()
	for name, wwid := range map[string]string{
		"capital digits": "3" + strings.ToUpper(remediatetest.WWIDb[1:]),
	} {
		t.Run(name, func(t *testing.T) {
			h := staged(t, "residual")
			got := sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+wwid, "-dwell", "0")
			require.Empty(t, h.Actions(), "status %d\n%s%s", got.status, got.out, got.err)
		})
	}
}

// The command that a plan says it is applied by works under the same locks as the plan.
func TestApplyWithLockDir(t *testing.T) {
	t.Parallel()
	c, err := parse([]string{"plan", "-own", "all", "-lock-dir", "/run/agent/locks", "-o", "plan.json"})
	require.NoError(t, err)
	s := &session{config: c}
	require.Contains(t, s.applyWith(), "-lock-dir /run/agent/locks")
}

// A LU goes by several WWIDs, as a bare disk (Facts.Aliases) and with a map: multipath may
// have named its map by any of them. What is excluded by one is left alone.
func TestExcludedByAlias(t *testing.T) {
	t.Parallel()
	doc := decoded(t, sweep(context.Background(), on(staged(t, "orphan")), "", "scan", "-json").out)
	var aliases []string
	for _, d := range list(doc, "devices") {
		if m := d.(map[string]any); m["wwid"] == remediatetest.WWIDb {
			for _, a := range m["aliases"].([]any) {
				aliases = append(aliases, a.(string))
			}
		}
	}
	require.NotEmpty(t, aliases)
	for _, preset := range []string{"orphan", "residual"} {
		for _, alias := range aliases {
			h := staged(t, preset)
			got := sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+literal(alias), "-dwell", "0")
			require.Empty(t, h.Actions(), "%s, excluded as %q: status %d\n%s%s", preset, alias, got.status, got.out, got.err)
		}
	}
}

// The command that a plan says it is applied by is one that can be pasted.
func TestRepeatedSwitchOff(t *testing.T) {
	t.Parallel()
	c, err := parse([]string{"plan", "-own", "all", "-runbook=false"})
	require.NoError(t, err)
	s := &session{config: c}
	line, _, _ := strings.Cut(s.applyWith(), "\n")
	again, err := parse(strings.Fields(strings.TrimPrefix(line, "sweep ")))
	require.NoError(t, err, "%s", line)
	require.False(t, again.runbook)
}

// What is attested by its whole WWID in capital digits is attested, or refused: not passed over.
func TestDetachedInCapitals(t *testing.T) {
	t.Parallel()
	for _, wwid := range []string{remediatetest.WWIDb, "3" + strings.ToUpper(remediatetest.WWIDb[1:])} {
		c, err := parse([]string{"plan", "-own", "all", "-detached", wwid})
		if err != nil {
			continue
		}
		got, err := c.owner(nobodys)(t.Context(), remediate.Subject{WWID: remediatetest.WWIDb})
		require.NoError(t, err)
		require.True(t, got.Detached, "%s", wwid)
	}
}

// Its map goes by ID_WWN ("0x6001405…"): the command itself says that 36001405… is meant.
func TestExcludedMapByIDWWN(t *testing.T) {
	t.Parallel()
	h := remediatetest.New(t)
	h.Volume("vol-1", remediatetest.Fail)
	lost, m := h.Volume("vol-2", remediatetest.Fail)
	h.KnownAs(m, "0x"+lost.WWID()[1:])
	h.Unmap(lost)
	got := sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+lost.WWID(), "-dwell", "0")
	require.Empty(t, h.Actions(), "status %d\n%s%s", got.status, got.out, got.err)
	got = sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "wwid:"+lost.WWID(), "-dwell", "0")
	require.NotEmpty(t, h.Actions(), "it was that alone which kept it: status %d\n%s%s", got.status, got.out, got.err)
}
