//go:build linux && amd64

package guest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A Step is one step of a plan, as the plan says it in its own words: what may
// be done to what.
type Step struct {
	LU     string // its WWID
	Action string // "flush-map"
	Target string // the map's or disk's name
	HCTL   string // of a disk
	UUID   string // of a map
}

// CheckPlan fails the test for all that is [Trace.Strange].
func (tr Trace) CheckPlan(t testing.TB, steps []Step) {
	t.Helper()
	for _, what := range tr.Strange(steps) {
		t.Error(what)
	}
}

// Strange tells of everything that was done and that belongs to no step, nor to undoing
// one, and of what was done to an LU in another order than the steps'. A disk that was set
// running, to be asked once more, is switched off again.
func (tr Trace) Strange(steps []Step) (list []string) {
	reached, running := map[string]int{}, map[string]bool{}
	for _, d := range tr.Deeds {
		at := slices.IndexFunc(steps, func(s Step) bool { return s.covers(d) })
		if at < 0 {
			list = append(list, fmt.Sprintf("this belongs to no step of the plan: %s", d))
			continue
		}
		again := d.Said == "offline\n" && running[d.On]
		running[d.On] = d.Said == "running\n"
		if lu := steps[at].LU; at < reached[lu] && !undoes(d) && !again {
			list = append(list, fmt.Sprintf("this was done after %s %s: %s", steps[reached[lu]].Action, steps[reached[lu]].Target, d))
		} else {
			reached[lu] = max(at, reached[lu])
		}
	}
	return list
}

// CheckSpared fails the test for everything that was done and that names the
// map, its identity or one of its paths. The map must be there still.
func (tr Trace) CheckSpared(t testing.TB, spared ...Map) {
	t.Helper()
	for _, m := range spared {
		names := append([]string{m.Name, m.WWID, m.DM}, m.Paths...)
		for _, p := range m.Paths {
			names = append(names, HCTL(t, p), attribute("/sys/block/"+p+"/dev"))
		}
		names = append(names, attribute("/sys/block/"+m.DM+"/dev"))
		for _, d := range tr.Deeds {
			if name := d.names(names); name != "" {
				t.Errorf("this names %s, of %s, which is none of its business: %s", name, m.Name, d)
			}
		}
	}
}

// names is the first of the words that the deed has in it, as a word of its own.
func (d Deed) names(words []string) string {
	text := " " + d.On + " " + d.Said + " "
	for _, w := range words {
		if w != "" && regexp.MustCompile(`[^\w.:-]`+`(?:(?:part\d+-)?mpath-)?`+regexp.QuoteMeta(w)+`[^\w.:-]`).MatchString(text) {
			return w
		}
	}
	return ""
}

// covers reports whether a deed is what the step is for, or undoes it.
func (s Step) covers(d Deed) bool {
	switch s.Action {
	case "disable-queueing":
		return d.orders("disablequeueing map ", s.Target) || d.orders("restorequeueing map ", s.Target) ||
			d.is("dm", s.UUID, "DM_TARGET_MSG fail_if_no_path") || d.is("dm", s.UUID, "DM_TARGET_MSG queue_if_no_path")
	case "restore-queueing":
		return d.orders("restorequeueing map ", s.Target) || d.is("dm", s.UUID, "DM_TARGET_MSG queue_if_no_path")
	case "resume-map":
		return d.What == "dm" && d.On == s.UUID && d.resumes()
	case "remove-map":
		return d.What == "dm" && d.On == s.UUID && strings.HasPrefix(d.Said, "DM_DEV_REMOVE")
	case "online-path":
		return d.writes(s.HCTL, "state", "running\n")
	case "flush-map":
		_, part, _ := strings.Cut(d.On, "-")
		return d.orders("del map ", s.Target) || d.What == "exec" && d.Said == "multipath -v2 -f "+s.Target ||
			d.What == "dm" && (d.On == s.UUID || strings.HasPrefix(d.On, "part") && part == s.UUID) && strings.HasPrefix(d.Said, "DM_DEV_REMOVE") ||
			d.What == "dm" && d.On == s.UUID && d.resumes()
	case "offline-path":
		return d.writes(s.HCTL, "state", "offline\n") || d.writes(s.HCTL, "state", "running\n")
	case "delete-path":
		return d.writes(s.HCTL, "delete", "1\n")
	case "forget-path":
		return d.orders("del path ", s.Target)
	}
	return false
}

// undoes reports whether a deed takes something back, or only repeats that
// nobody shall wait.
func undoes(d Deed) bool {
	return strings.HasPrefix(d.Said, "DM_TARGET_MSG ") || strings.Contains(d.Said, "restorequeueing ") ||
		d.What == "dm" && d.resumes() || d.Said == "running\n"
}

// resumes: DM_DEV_SUSPEND without its flag is the opposite.
func (d Deed) resumes() bool {
	return strings.HasPrefix(d.Said, "DM_DEV_SUSPEND") && !strings.Contains(d.Said, "DM_SUSPEND_FLAG")
}

func (d Deed) is(what, on, said string) bool { return d == Deed{What: what, On: on, Said: said} }

// orders: the same words go to multipathd's socket and to its program. A name with a
// space is in quotes there.
func (d Deed) orders(verb, name string) bool {
	said := strings.ReplaceAll(d.Said, `"`, "")
	return d.What == "order" && d.On == "" && said == verb+name || d.What == "exec" && said == "multipathd "+verb+name
}

func (d Deed) writes(hctl, attr, text string) bool {
	if hctl == "" || !strings.HasPrefix(d.On, "/sys/") || !strings.HasSuffix(d.On, "/"+hctl+"/"+attr) {
		return false
	}
	return d.What == "write" && d.Said == text
}

// HCTL is a disk's SCSI address, by the link in its sysfs directory.
func HCTL(t testing.TB, disk string) string {
	t.Helper()
	return base(Run(t, "readlink", "/sys/block/"+disk+"/device"))
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// Devt is a block device's number, "8:16".
func Devt(t testing.TB, name string) string { t.Helper(); return Read(t, "/sys/block/"+name+"/dev") }
