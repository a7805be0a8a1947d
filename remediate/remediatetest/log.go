package remediatetest

import (
	"slices"
	"strings"
)

// A hook is what is to happen after an action.
type hook struct {
	match string
	do    func()
}

// Actions lists what changed the host, or tried to, in order: writes to
// attributes, orders to multipathd and its programs, ioctls.
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
	return slices.Clone(h.log)
}

// After calls do once, when an action that contains match has been done, and
// before whoever did it hears of it. do may change the host.
func (h *Host) After(match string, do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks = append(h.hooks, &hook{match, do})
}

// act logs an action.
func (h *Host) act(action string) { h.log = append(h.log, action) }

// due are the hooks that the newest actions, from number since on, set off.
func (h *Host) due(since int) []func() {
	var out []func()
	for _, action := range h.log[since:] {
		h.hooks = slices.DeleteFunc(h.hooks, func(k *hook) bool {
			if strings.Contains(action, k.match) {
				out = append(out, k.do)
				return true
			}
			return false
		})
	}
	return out
}

// perform does something on the host on behalf of the code under test, and what
// follows from the actions that it logs.
func (h *Host) perform(do func()) {
	h.mu.Lock()
	since := len(h.log)
	do()
	due := h.due(since)
	h.changed.Broadcast()
	h.mu.Unlock()
	for _, f := range due {
		f()
	}
}
