package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
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

// A bare disk goes by several WWIDs (Facts.Aliases): multipath may have named its map by
// any of them. What is excluded by one is left alone.
func TestExcludedByAlias(t *testing.T) {
	t.Parallel()
	h := staged(t, "orphan")
	doc := decoded(t, sweep(context.Background(), on(h), "", "scan", "-json").out)
	var aliases []string
	for _, d := range list(doc, "devices") {
		if m := d.(map[string]any); m["wwid"] == remediatetest.WWIDb {
			for _, a := range m["aliases"].([]any) {
				aliases = append(aliases, a.(string))
			}
		}
	}
	require.NotEmpty(t, aliases)
	for _, alias := range aliases {
		h := staged(t, "orphan")
		got := sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+literal(alias), "-dwell", "0")
		require.Empty(t, h.Actions(), "excluded as %q: status %d\n%s%s", alias, got.status, got.out, got.err)
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

// The same LU as in TestExcludedByAlias, with its map.
func TestMappedExcludedByAlias(t *testing.T) {
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
	for _, alias := range aliases {
		h := staged(t, "residual")
		got := sweep(context.Background(), on(h), "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+literal(alias), "-dwell", "0")
		if len(h.Actions()) > 0 {
			t.Errorf("excluded as %q: status %d %v", alias, got.status, h.Actions())
		}
	}
}

type renamedKernel struct {
	*multipath.DeviceMapper
	from, to string
}

func (k renamedKernel) Table(ctx context.Context, uuid string) (multipath.Table, error) {
	if uuid == k.to {
		uuid = k.from
	}
	t, err := k.DeviceMapper.Table(ctx, uuid)
	if t.UUID == k.from {
		t.UUID = k.to
	}
	return t, err
}

func (k renamedKernel) Tables(ctx context.Context) ([]multipath.Table, error) {
	all, err := k.DeviceMapper.Tables(ctx)
	for i := range all {
		if all[i].UUID == k.from {
			all[i].UUID = k.to
		}
	}
	return all, err
}

// Its map goes by ID_WWN ("0x6001405…"): the command itself says that 36001405… is meant.
func TestExcludedMapByIDWWN(t *testing.T) {
	t.Parallel()
	h := staged(t, "residual")
	sys := h.System()
	name := "0x" + remediatetest.WWIDb[1:]
	all, _ := filepath.Glob(filepath.Join(h.Tree(), "sys/block/dm-*/dm/uuid"))
	for _, f := range all {
		if b, _ := os.ReadFile(f); strings.TrimSpace(string(b)) == "mpath-"+remediatetest.WWIDb {
			require.NoError(t, os.WriteFile(f, []byte("mpath-"+name+"\n"), 0o600))
		}
	}
	sys.Kernel = renamedKernel{sys.Kernel.(*multipath.DeviceMapper), "mpath-" + remediatetest.WWIDb, "mpath-" + name}
	open := func(config) (remediate.System, func(), error) { return sys, func() {}, nil }
	got := sweep(context.Background(), open, "", "apply", "-yes", "-own", "all", "-own", "!wwid:"+remediatetest.WWIDb, "-dwell", "0")
	require.Empty(t, h.Actions(), "status %d\n%s%s", got.status, got.out, got.err)
}
