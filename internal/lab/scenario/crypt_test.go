//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Encrypted volumes on dead maps: an opened one (LUKS or plain, mounted or not)
// keeps its map, is named together with the command that closes it, and is
// closed by nobody but the operator. One that is not open keeps nothing.
func TestCrypt(t *testing.T) {
	const kept, luks, plain, mounted, closed = 0, 1, 2, 3, 4
	g, lus := array(t, 5, guest.Conf{FriendlyNames: true})
	var maps []guest.Map
	for lun := range lus {
		maps = append(maps, guest.MapOf(t, g.Disks(t, lun)[0]))
	}
	pattern := guest.WritePattern(t, maps[kept].Dev(), 6)
	guest.LUKS(t, maps[luks].Dev(), "secrets")
	guest.Crypt(t, maps[plain].Dev(), "plain")
	guest.LUKS(t, maps[mounted].Dev(), "data")
	guest.Mkfs(t, "ext4", "/dev/mapper/data")
	dir := guest.Mount(t, "/dev/mapper/data")
	guest.LUKS(t, maps[closed].Dev(), "was-open")
	guest.CloseCrypt(t, "was-open")
	ran := watchCryptsetup(t)
	for lun := luks; lun <= closed; lun++ {
		g.Unmap(t, lun)
	}
	for _, m := range maps[luks:] {
		guest.WaitFailed(t, m)
	}

	s := newSweeper(t, remediate.WithMaxDead(1))
	p := plan(t, s, lus[closed].WWID())
	for lun, name := range map[int]string{luks: "secrets", plain: "plain", mounted: "data"} {
		d := verdict(t, p.Survey, lus[lun].WWID(), remediate.StaleInUse)
		if !slices.ContainsFunc(d.InUse, func(u remediate.Use) bool {
			return u.Kind == remediate.UseHolder && strings.Contains(u.By, name) && strings.Contains(u.String(), "cryptsetup close "+name)
		}) {
			t.Errorf("LUN %d: %s, and the command that closes it, are not named: %v", lun, name, d.InUse)
		}
	}
	if d, _ := p.Survey.Find(lus[mounted].WWID()); !uses(d, "mount", dir) {
		t.Errorf("the mount on it is not named: %v", d.InUse)
	}
	execute(t, s, p, remediate.Removed)
	expectGone(t, maps[closed], maps[closed].Paths...)
	for _, name := range []string{"secrets", "plain", "data"} {
		if _, found := guest.DmsetupInfo(t)[name]; !found {
			t.Errorf("%s was closed", name)
		}
	}
	if runs := ran(); runs != "" {
		t.Errorf("cryptsetup was run: %s", runs)
	}

	guest.Umount(t, dir)
	var wwids []string
	for lun, name := range map[int]string{luks: "secrets", plain: "plain", mounted: "data"} {
		guest.CloseCrypt(t, name)
		wwids = append(wwids, lus[lun].WWID())
	}
	execute(t, s, plan(t, s, wwids...), remediate.Removed)
	for _, m := range maps[luks:] {
		expectGone(t, m, m.Paths...)
	}
	expectThere(t, maps[kept], 2)
	pattern.Check(t)
}

// watchCryptsetup puts a program before cryptsetup that notes how it was called.
// Whoever runs it by name is caught.
func watchCryptsetup(t *testing.T) (ran func() string) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho \"$0 $*\" >>%s/ran\nexit 1\n", dir)
	if err := os.WriteFile(dir+"/cryptsetup", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", dir+":"+path)
	return func() string {
		t.Setenv("PATH", path)
		said, _ := os.ReadFile(dir + "/ran")
		return string(said)
	}
}
