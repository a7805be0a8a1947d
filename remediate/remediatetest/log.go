package remediatetest

import (
	"slices"
	"strings"
)

// An action is what changed the host, or tried to, and the LU that it was about.
type action struct {
	text string
	lu   *LU // nil where it was about none
}

// A hook is what is to happen after an action.
type hook struct {
	match string
	do    func()
}

// Actions lists what changed the host, or tried to, in order: writes to
// attributes, orders to multipathd and its programs, ioctls. It is nil while
// there was nothing of the kind.
//
//	multipathd disablequeueing map mpathb
//	multipath -f mpathb
//	multipath -f mpathb: map in use
//	sdi state offline
//	sdi delete
//	dm message mpathb fail_if_no_path
//	dm remove mpathb
//	dm resume mpathb
func (h *Host) Actions() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, a := range h.log {
		out = append(out, a.text)
	}
	return out
}

// Touched lists the WWIDs of the LUs that [Host.Actions] were about, as the host
// knew them, sorted. It is nil while nothing was done to any.
func (h *Host) Touched() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, a := range h.log {
		if a.lu != nil {
			out = append(out, a.lu.WWID())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// After calls do once, when an action that contains match has been done, and
// before whoever did it hears of it. do may change the host.
func (h *Host) After(match string, do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks = append(h.hooks, &hook{match, do})
}

// due are the hooks that the newest actions, from number since on, set off.
func (h *Host) due(since int) []func() {
	var out []func()
	for _, a := range h.log[since:] {
		h.hooks = slices.DeleteFunc(h.hooks, func(k *hook) bool {
			if strings.Contains(a.text, k.match) {
				out = append(out, k.do)
				return true
			}
			return false
		})
	}
	return out
}
