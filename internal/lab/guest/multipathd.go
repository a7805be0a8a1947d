//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Conf is what a scenario wants of multipath.conf. The zero value is a lab's
// default: paths checked every second or two, no queueing, maps named by WWID.
type Conf struct {
	NoPathRetry     string            // "fail" where empty; "queue", or a number of checks
	PollingInterval int               // seconds; 1 where 0
	FriendlyNames   bool              // mpatha, mpathb, …
	Aliases         map[string]string // WWID to alias
	Defaults        []string          // more lines of the section defaults
	Extra           []string          // more lines, sections of their own
}

// text is the file's content.
func (c Conf) text() string {
	retry, names := c.NoPathRetry, "no"
	if retry == "" {
		retry = "fail"
	}
	if c.FriendlyNames {
		names = "yes"
	}
	every := max(c.PollingInterval, 1)
	var b strings.Builder
	b.WriteString("defaults {\n\tfind_multipaths no\n")
	fmt.Fprintf(&b, "\tpolling_interval %d\n\tmax_polling_interval %d\n\tno_path_retry %s\n\tuser_friendly_names %s\n", every, 2*every, retry, names)
	for _, l := range c.Defaults {
		b.WriteString("\t" + l + "\n")
	}
	b.WriteString("}\n")
	if c.NoPathRetry != "" { // what multipath has built in for an array, LIO's among them, would go before the defaults
		fmt.Fprintf(&b, "overrides {\n\tno_path_retry %s\n}\n", retry)
	}
	if len(c.Aliases) > 0 {
		b.WriteString("multipaths {\n")
		for wwid, alias := range c.Aliases {
			fmt.Fprintf(&b, "\tmultipath {\n\t\twwid %q\n\t\talias %q\n\t}\n", wwid, alias)
		}
		b.WriteString("}\n")
	}
	return b.String() + strings.Join(c.Extra, "\n") + "\n"
}

// Bindings writes the file in which multipath keeps which friendly name is whose.
func Bindings(t testing.TB, text string) {
	t.Helper()
	mkdirs(t, "/etc/multipath")
	if err := os.WriteFile("/etc/multipath/bindings", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A Multipathd is the running daemon.
type Multipathd struct{ cmd *exec.Cmd }

// StartMultipathd writes /etc/multipath.conf, starts multipathd and waits until
// it answers. Its log goes to /payload/multipathd.log.
func StartMultipathd(t testing.TB, c Conf) *Multipathd {
	t.Helper()
	Modprobe(t, "dm-multipath", "dm-service-time", "dm-round-robin", "dm-queue-length")
	if err := os.WriteFile("/etc/multipath.conf", []byte(c.text()), 0o644); err != nil {
		t.Fatal(err)
	}
	m := &Multipathd{cmd: Start(t, "multipathd.log", "multipathd", "-d")}
	if err := poll(2*settled, func() error {
		_, err := TryFor(5*time.Second, "multipathd", "show", "daemon")
		return err
	}); err != nil {
		t.Fatalf("multipathd does not answer: %v\nit is %s\nthe last it said:\n%s", err, strings.Join(m.threads(), "\n"), m.last(t))
	}
	return m
}

// threads says where each of the daemon's threads is.
func (m *Multipathd) threads() []string {
	var out []string
	for _, task := range Ls(fmt.Sprintf("/proc/%d/task", m.cmd.Process.Pid)) {
		pid, _ := strconv.Atoi(task)
		p := Process(pid)
		out = append(out, fmt.Sprintf("%s %s in %s [%s]", p.Comm, p.State, p.WChan, p.Stack))
	}
	return out
}

// last is the end of the daemon's log.
func (m *Multipathd) last(t testing.TB) string {
	t.Helper()
	lines := strings.Split(Read(t, "/payload/multipathd.log"), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// Stop ends the daemon; its maps stay.
func (m *Multipathd) Stop(t testing.TB) {
	t.Helper()
	m.signal(t, syscall.SIGTERM)
	for end := time.Now().Add(stopPatience); !m.ended(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) { // versions there are that wait for a thread of theirs for ever
			t.Logf("multipathd does not end: %s; it is killed, as systemd does", Process(m.cmd.Process.Pid))
			m.Kill(t)
			return
		}
	}
}

// stopPatience is how long a multipathd that was told to end is waited for.
const stopPatience = 20 * time.Second

func (m *Multipathd) ended() bool {
	p := Process(m.cmd.Process.Pid)
	return p.State == "" || p.State == "Z"
}

// Kill ends the daemon as a crash does; its maps stay as they are.
func (m *Multipathd) Kill(t testing.TB) {
	t.Helper()
	m.end(t, syscall.SIGKILL)
}

// Freeze stops the daemon in its tracks (SIGSTOP): it holds its socket and
// answers nothing. Thaw lets it go on.
func (m *Multipathd) Freeze(t testing.TB) { t.Helper(); m.signal(t, syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (m *Multipathd) Thaw(t testing.TB) { t.Helper(); m.signal(t, syscall.SIGCONT) }

func (m *Multipathd) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		t.Fatalf("multipathd: %v", err)
	}
}

func (m *Multipathd) end(t testing.TB, s syscall.Signal) {
	t.Helper()
	m.signal(t, s)
	WaitFor(t, "multipathd ends", settled, func() error {
		if !m.ended() {
			return fmt.Errorf("it is %s", Process(m.cmd.Process.Pid))
		}
		return nil
	})
}

// A Map is a multipath map as the kernel's sysfs shows it.
type Map struct {
	Name  string
	WWID  string   // from the dm UUID
	DM    string   // "dm-3"
	Paths []string // "sda"…, in natural order
}

// Dev is the map's node under /dev/mapper.
func (m Map) Dev() string { return "/dev/mapper/" + m.Name }

// Maps lists the multipath maps, in the natural order of their dm-N.
func Maps() []Map {
	uuids, _ := filepath.Glob("/sys/block/dm-*/dm/uuid")
	var out []Map
	for _, u := range uuids {
		wwid, ok := strings.CutPrefix(attribute(u), "mpath-")
		if !ok {
			continue
		}
		dir := filepath.Dir(filepath.Dir(u))
		m := Map{Name: attribute(dir + "/dm/name"), WWID: wwid, DM: filepath.Base(dir)}
		slaves, _ := filepath.Glob(dir + "/slaves/*")
		for _, s := range slaves {
			m.Paths = append(m.Paths, filepath.Base(s))
		}
		sort.Slice(m.Paths, func(i, j int) bool { return naturally(m.Paths[i], m.Paths[j]) })
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return naturally(out[i].DM, out[j].DM) })
	return out
}

// WaitMaps waits for exactly maps multipath maps, each with paths paths that
// the daemon's own list calls active, and for udev to have made their nodes.
func WaitMaps(t testing.TB, maps, paths int) []Map {
	t.Helper()
	what := fmt.Sprintf("%d maps of %d paths", maps, paths)
	nudged := time.Now()
	more := time.Duration(maps) * time.Second // a daemon makes two or three a second
	WaitFor(t, what, 2*(settled+more), func() error {
		if time.Since(nudged) > 6*time.Second+more/4 {
			nudged = time.Now()
			addPaths()
			addNodes()
		}
		return asWanted(maps, paths)
	})
	Udev(t)
	return Maps()
}

// addPaths hands multipathd the disks that are in no map, or that it does not
// list as good: 0.15.1 now and then takes the event of a disk that it finds while
// it starts for a spurious one, and forgets the disk; and on a busy machine a
// checker's first look may come too late.
func addPaths() {
	said, _ := TryFor(5*time.Second, "multipathd", "show", "paths", "format", pathFormat)
	good := map[string]bool{}
	for line := range strings.Lines(said) {
		f := strings.Fields(line)
		if len(f) > 2 && f[1] == "active" && f[2] == "ready" {
			good[f[0]] = true
		}
	}
	for _, disk := range Ls("/sys/block") {
		if strings.HasPrefix(disk, "sd") && !good[disk] {
			_, _ = TryFor(5*time.Second, "multipathd", "add", "path", disk)
			_, _ = TryFor(5*time.Second, "multipathd", "reinstate", "path", disk)
		}
	}
}

// pathFormat has multipathd list its paths: name, device-mapper's state, the
// checker's, WWID.
const pathFormat = "%d %t %T %w"

// addNodes has udev look again at maps without a node in /dev/mapper: it leaves
// that out for one that it sees while it is suspended, and on a busy machine may
// never see it again.
func addNodes() {
	for _, m := range Maps() {
		if _, err := os.Stat(m.Dev()); err != nil {
			_, _ = TryFor(5*time.Second, "udevadm", "trigger", "--action=change", "/sys/block/"+m.DM)
		}
	}
}

func asWanted(maps, paths int) error {
	have := Maps()
	if len(have) != maps {
		return fmt.Errorf("%d maps: %+v", len(have), have)
	}
	for _, m := range have {
		if len(m.Paths) != paths {
			return fmt.Errorf("%s has the paths %v", m.Name, m.Paths)
		}
		if _, err := os.Stat(m.Dev()); err != nil {
			return err
		}
	}
	said, err := TryFor(5*time.Second, "multipathd", "show", "paths", "format", pathFormat)
	if err != nil {
		return err
	}
	if n := strings.Count(said, " active ready "); n < maps*paths {
		return fmt.Errorf("%d of %d paths are active and ready:\n%s", n, maps*paths, said)
	}
	return nil
}

// MapOf names the multipath map that holds a disk ("sdb").
func MapOf(t testing.TB, disk string) Map {
	t.Helper()
	for _, m := range Maps() {
		for _, p := range m.Paths {
			if p == disk {
				return m
			}
		}
	}
	t.Fatalf("%s is in no multipath map: %+v", disk, Maps())
	return Map{}
}

// WaitFailed waits until the kernel has marked every path of the map as failed.
func WaitFailed(t testing.TB, m Map) {
	t.Helper()
	WaitFor(t, "every path of "+m.Name+" has failed", settled, func() error {
		status := DmsetupStatus(t, m.Name)
		for _, p := range status.Paths {
			if !p.Failed {
				return fmt.Errorf("%s has not: %s", p.Devt, status.Text)
			}
		}
		return nil
	})
}

// WaitChecked waits until multipathd's checkers call just n paths this
// ("faulty").
func WaitChecked(t testing.TB, n int, state string) {
	t.Helper()
	WaitFor(t, fmt.Sprintf("%d paths are %s", n, state), settled, func() error {
		said, err := TryFor(5*time.Second, "multipathd", "show", "paths", "format", "%d %t %T")
		if err == nil && strings.Count(said, " "+state) != n {
			err = errors.New(said)
		}
		return err
	})
}

// Udev waits until udev has worked off its queue, for 20 s at most. It returns
// quietly when it has not: with a worker stuck on a dead device it never will.
func Udev(t testing.TB) {
	t.Helper()
	_, _ = TryFor(25*time.Second, "udevadm", "settle", "--timeout=20")
}
