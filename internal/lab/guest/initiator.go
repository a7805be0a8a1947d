//go:build linux

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Patience is how long the initiator waits for what does not come, in
// seconds. The zero value is a lab's: an outage shows after 2 s and fails the
// I/O after 4 s more.
type Patience struct {
	NoopInterval, NoopTimeout int // pings over an idle connection; 1 and 1 where 0
	Replacement               int // recovery_tmo, from broken to failed; 4 where 0
}

// StartInitiator starts iscsid with the given time-outs. New LUNs are found by
// Rescan only (node.session.scan is manual), unless auto is wanted.
func StartInitiator(t testing.TB, p Patience, auto bool) {
	t.Helper()
	Modprobe(t, "sd_mod", "sg", "iscsi_tcp")
	scan := "manual"
	if auto {
		scan = "auto"
	}
	conf := fmt.Sprintf(`node.startup = manual
node.session.scan = %s
node.conn[0].timeo.noop_out_interval = %d
node.conn[0].timeo.noop_out_timeout = %d
node.session.timeo.replacement_timeout = %d
node.session.err_timeo.abort_timeout = 2
node.session.err_timeo.lu_reset_timeout = 2
node.session.err_timeo.tgt_reset_timeout = 2
node.conn[0].timeo.login_timeout = 3
node.conn[0].timeo.logout_timeout = 3
node.session.initial_login_retry_max = 2
`, scan, or(p.NoopInterval, 1), or(p.NoopTimeout, 1), or(p.Replacement, 4))
	mkdirs(t, "/etc/iscsi", "/run/lock/iscsi")
	for name, text := range map[string]string{
		"iscsid.conf": conf, "initiatorname.iscsi": "InitiatorName=iqn.2003-01.lab:initiator\n",
	} {
		if err := os.WriteFile("/etc/iscsi/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Start(t, "iscsid.log", "iscsid", "-f")
}

func or(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}

// Login logs in to every portal of the target, scans, and waits for luns disks
// on each session and for udev to have seen them.
func (g *Target) Login(t testing.TB, luns int) {
	t.Helper()
	WaitFor(t, "discovery at "+g.Portals[0], settled, func() error {
		_, err := Try("iscsiadm", "-m", "discovery", "-t", "sendtargets", "-p", g.Portals[0])
		return err
	})
	Run(t, "iscsiadm", "-m", "node", "-T", g.IQN, "--login")
	g.Rescan(t)
	scanned := time.Now()
	WaitFor(t, fmt.Sprintf("%d disks on each of %d sessions", luns, len(g.Portals)), 2*settled, func() error {
		if n := len(g.disks("*")); n != luns*len(g.Portals) {
			if time.Since(scanned) > settled/2 { // a scan that ran into a busy target's time-out leaves LUNs out
				g.Rescan(t)
				scanned = time.Now()
			}
			return fmt.Errorf("%d disks", n)
		}
		return nil
	})
	Udev(t)
}

// Logout ends the target's sessions.
func (g *Target) Logout(t testing.TB) {
	t.Helper()
	Run(t, "iscsiadm", "-m", "node", "-T", g.IQN, "--logout")
}

// Rescan scans the target's sessions for LUNs that are new. It takes none away.
func (g *Target) Rescan(t testing.TB) {
	t.Helper()
	Run(t, "iscsiadm", "-m", "node", "-T", g.IQN, "--rescan")
}

// Disks names the disks of a LUN ("sdb"), one for each session, in the order of
// the sessions.
func (g *Target) Disks(t testing.TB, lun int) []string {
	t.Helper()
	out := g.disks(strconv.Itoa(lun))
	if len(out) == 0 {
		t.Fatalf("%s: no disk has LUN %d", g.IQN, lun)
	}
	return out
}

func (g *Target) disks(lun string) []string {
	var out []string
	for _, s := range g.Sessions() {
		links, _ := filepath.Glob("/sys/class/iscsi_session/" + s.Name + "/device/target*/*:0:0:" + lun + "/block/*")
		sort.Slice(links, func(i, j int) bool { return naturally(links[i], links[j]) })
		for _, l := range links {
			out = append(out, filepath.Base(l))
		}
	}
	return out
}

// A Session is an iSCSI session as sysfs shows it.
type Session struct {
	Name   string // "session3"
	Portal string // the address it was logged in to
	State  string // LOGGED_IN, FAILED, FREE
}

// Sessions lists the target's sessions, in order.
func (g *Target) Sessions() []Session {
	dirs, _ := filepath.Glob("/sys/class/iscsi_session/session*")
	sort.Slice(dirs, func(i, j int) bool { return naturally(dirs[i], dirs[j]) })
	var out []Session
	for _, d := range dirs {
		if attribute(d+"/targetname") != g.IQN {
			continue
		}
		name := filepath.Base(d)
		connection := "/sys/class/iscsi_connection/connection" + strings.TrimPrefix(name, "session") + ":0/persistent_address"
		out = append(out, Session{Name: name, Portal: attribute(connection), State: attribute(d + "/state")})
	}
	return out
}

// WaitSessions waits until every session of the target through one of the
// portals (all of them where none is named) is in the given state.
func (g *Target) WaitSessions(t testing.TB, state string, limit time.Duration, portals ...string) {
	t.Helper()
	if len(portals) == 0 {
		portals = g.Portals
	}
	WaitFor(t, fmt.Sprintf("the sessions through %v are %s", portals, state), limit, func() error {
		for _, s := range g.Sessions() {
			if contains(portals, s.Portal) && s.State != state {
				return fmt.Errorf("%+v", g.Sessions())
			}
		}
		return nil
	})
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
