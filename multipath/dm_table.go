package multipath

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// A Table is a multipath map as the kernel has it: its own words, whatever
// multipathd believes or prints.
type Table struct {
	Name          string // as multipath prints it
	UUID          string // as the kernel has it: "mpath-" + WWID, a space in which is "\\x20"
	Devt          sysfs.DevNum
	Size          uint64 // bytes
	ReadOnly      bool
	OpenCount     int // openers, mounts and maps on top, partition maps included
	Suspended     bool
	InactiveTable bool   // a table is loaded that has not been put in force
	Target        string // "multipath"; "error" or "" for a map that has lost its table
	Queueing      bool   // queue_if_no_path is in force now
	Features      string // as in the table: "1 queue_if_no_path"
	Handler       string // "1 alua"
	Groups        []TableGroup
	Paths         []TablePath
}

// A TableGroup is a path group of a [Table].
type TableGroup struct {
	State    string // "active", "enabled", "disabled"
	Selector string // "service-time 0"
}

// A TablePath is a path of a [Table]. Its device may have vanished from sysfs:
// the kernel keeps it open until the table goes.
type TablePath struct {
	Devt   sysfs.DevNum
	Failed bool
	Group  int // index into Groups
	Fails  int // how often it failed since the table was loaded
}

// Usable counts the paths that the kernel has not failed.
func (t *Table) Usable() int {
	n := 0
	for _, p := range t.Paths {
		if !p.Failed {
			n++
		}
	}
	return n
}

// WWID returns the identity in the map's uuid, as multipath prints it.
func (t *Table) WWID() string { return sysfs.Unmangle(strings.TrimPrefix(t.UUID, mapPrefix)) }

// A PartitionMap is a map that kpartx made of a partition of a multipath map.
type PartitionMap struct {
	Name, UUID string // UUID "part1-mpath-" + WWID, as [Table] has them
	Devt       sysfs.DevNum
	OpenCount  int
}

// Of returns the uuid of the map that it is a partition of.
func (p *PartitionMap) Of() string {
	_, of, _ := strings.Cut(p.UUID, "-")
	return of
}

const mapPrefix = "mpath-"

var partitionUUID = regexp.MustCompile(`^part[0-9]+-mpath-.`)

func isMapUUID(uuid string) bool {
	return strings.HasPrefix(uuid, mapPrefix) && len(uuid) > len(mapPrefix)
}
func isPartitionUUID(uuid string) bool { return partitionUUID.MatchString(uuid) }

// A words is what is left of a line of the kernel's; the first thing wrong
// with it stays.
type words struct {
	rest []string
	bad  bool
}

func split(line string) *words { return &words{rest: strings.Fields(line)} }

func (w *words) next() string {
	if len(w.rest) == 0 {
		w.bad = true
		return ""
	}
	s := w.rest[0]
	w.rest = w.rest[1:]
	return s
}

func (w *words) number() int {
	n, err := strconv.ParseUint(w.next(), 10, 31)
	w.bad = w.bad || err != nil
	if w.bad {
		return 0
	}
	return int(n)
}

// count reads a number of things of at least size words each.
func (w *words) count(size int) int {
	n := w.number()
	if n > len(w.rest)/size {
		w.bad = true
		return 0
	}
	return n
}

func (w *words) take(n int) []string {
	if n > len(w.rest) {
		w.bad = true
		return nil
	}
	s := w.rest[:n]
	w.rest = w.rest[n:]
	return s
}

// counted reads a number and as many words, and returns both as they stand.
func (w *words) counted() string {
	n := w.count(1)
	return strings.Join(append([]string{strconv.Itoa(n)}, w.take(n)...), " ")
}

func (w *words) devt() sysfs.DevNum {
	d, err := sysfs.ParseDevNum(w.next())
	w.bad = w.bad || err != nil
	return d
}

func (w *words) end(what string) error {
	if w.bad || len(w.rest) != 0 {
		return errors.WithMessage(ErrReply, what)
	}
	return nil
}

// A layout is what the table line says and the status line does not.
type layout struct {
	features, handler string
	selectors         []string
	paths             []sysfs.DevNum
}

// parseTable reads the parameters of a multipath target (STATUSTYPE_TABLE of
// drivers/md/dm-mpath.c), whose features are those in force now:
//
//	1 queue_if_no_path   1 alua   2 1   service-time 0 2 2 8:0 1 1 8:16 1 1   service-time 0 1 2 8:32 1 1
//	features             handler  | |   |            | | | devt and 2 words, once per path
//	                  groups -----+ |   |            | | +- words per path
//	                 next group ----+   |            | +- paths
//	                         selector --+------------+ its words
func parseTable(line string) (layout, error) {
	w := split(line)
	l := layout{features: w.counted(), handler: w.counted()}
	groups := w.count(4)
	w.number()
	for range groups {
		l.selectors = append(l.selectors, w.next()+" "+w.counted())
		paths, args := w.count(1), w.number()
		for range paths {
			l.paths = append(l.paths, w.devt())
			w.take(args)
			if w.bad {
				break
			}
		}
	}
	if err := w.end("multipath table"); err != nil {
		return layout{}, err
	}
	return l, nil
}

// A condition is what the status line says.
type condition struct {
	groups []string // states
	paths  []TablePath
}

// parseStatus reads the status of a multipath target (STATUSTYPE_INFO):
//
//	2 0 0   0   1 1   E 0 2 2   8:0 A 0 0 1   8:16 F 3 0 1
//	|       |   | |   | | | |   |   | | +-+- as many words as the group says
//	|       |   | |   | | | |   |   | +- failures   A: usable, F: failed
//	|       |   | |   | | | +- words per path
//	|       |   | |   | | +- paths      | +- the selector's own words
//	|       |   | |   +- A: active, E: enabled, D: disabled
//	|       |   | +- next group
//	|       |   +- groups
//	|       +- handler's words: none
//	+- queued I/O waits, initialisations of a group under way
func parseStatus(line string) (condition, error) {
	w := split(line)
	w.counted()
	w.counted()
	var c condition
	groups := w.count(4)
	w.number()
	for g := range groups {
		c.groups = append(c.groups, w.groupState())
		w.counted()
		paths, args := w.count(3), w.number()
		for range paths {
			c.paths = append(c.paths, TablePath{Devt: w.devt(), Group: g, Failed: w.failed(), Fails: w.number()})
			w.take(args)
			if w.bad {
				break
			}
		}
	}
	if err := w.end("multipath status"); err != nil {
		return condition{}, err
	}
	return c, nil
}

func (w *words) groupState() string {
	switch w.next() {
	case "A":
		return "active"
	case "E":
		return "enabled"
	case "D":
		return "disabled"
	}
	w.bad = true
	return ""
}

func (w *words) failed() bool {
	s := w.next()
	w.bad = w.bad || s != "A" && s != "F"
	return s == "F"
}

// fill puts a table line and a status line together. Between the two readings
// the table may have been replaced: then they do not agree.
func (t *Table) fill(table, status string) error {
	l, err := parseTable(table)
	if err != nil {
		return err
	}
	c, err := parseStatus(status)
	if err != nil {
		return err
	}
	if len(l.selectors) != len(c.groups) || len(l.paths) != len(c.paths) {
		return errors.WithStack(errChanged)
	}
	t.Features, t.Handler, t.Paths = l.features, l.handler, c.paths
	t.Queueing = strings.Contains(" "+l.features+" ", " queue_if_no_path ")
	for i, state := range c.groups {
		t.Groups = append(t.Groups, TableGroup{State: state, Selector: l.selectors[i]})
	}
	for i, p := range c.paths {
		if p.Devt != l.paths[i] {
			return errors.WithStack(errChanged)
		}
	}
	return nil
}

// errChanged: the table was replaced between two readings.
var errChanged = errors.New("table changed while it was read")
