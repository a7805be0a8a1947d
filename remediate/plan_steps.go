package remediate

import "fmt"

// add appends a device and its steps to the plan.
func (p *Plan) add(d Device) {
	t := pinned(d)
	p.Targets = append(p.Targets, t)
	for _, s := range stepsFor(t, d) {
		s.N, s.WWID = len(p.Steps)+1, d.WWID
		p.Steps = append(p.Steps, s)
	}
}

// pinned pins what is to go of a device: the whole of it, or only the paths
// that lead nowhere or elsewhere while others are alive.
func pinned(d Device) Target {
	t := Target{WWID: d.WWID, Verdict: d.Verdict, Proof: d.Proof, Reasons: d.Reasons, Keeps: keeps(d)}
	if d.Map != nil && !t.Keeps {
		t.Map = &MapPin{Name: d.Map.Name, DM: d.Map.DM, Devt: d.Map.Devt, UUID: d.Map.UUID, DiskSeq: d.Map.DiskSeq, Queueing: d.Map.Queueing}
	}
	for _, path := range d.Paths {
		switch {
		case path.Foreign != "":
			t.Foreign = append(t.Foreign, foreignPin(path))
		case !t.Keeps || lost(path):
			t.Paths = append(t.Paths, pinOf(path))
		}
	}
	return t
}

func pinOf(p Path) PathPin {
	return PathPin{Dev: p.Dev, HCTL: p.HCTL, Devt: p.Devt, DiskSeq: p.DiskSeq, Page83: p.Page83}
}

func foreignPin(p Path) ForeignPin { return ForeignPin{WWID: p.Foreign, PathPin: pinOf(p)} }

// keeps reports whether the LU lives on although some of its paths must go.
func keeps(d Device) bool {
	if d.Verdict == StalePath {
		return true
	}
	return d.Verdict == Remapped && anyPath(d.Facts, func(p Path) bool { return !lost(p) })
}

// lost reports whether a path leads nowhere, or to another LU.
func lost(p Path) bool { return p.Answer == Gone || p.Identity == IdentityMismatch }

func stepsFor(t Target, d Device) []Step {
	var steps []Step
	do := func(a Action, target, why string) {
		steps = append(steps, Step{Action: a, Target: target, Why: why})
	}
	if t.Map != nil {
		mapSteps(t, d, do)
	}
	if t.Keeps {
		lostSteps(t, do)
	} else {
		diskSteps(t, do)
	}
	do(VerifyGone, t.WWID, "by identity: the names may belong to others by then")
	return steps
}

// diskSteps are the steps from there on.
func diskSteps(t Target, do func(Action, string, string)) {
	for _, p := range t.Paths {
		do(OfflinePath, p.name(), "nothing may wait for it any more")
	}
	for _, p := range t.Paths {
		do(DeletePath, p.name(), fmt.Sprintf("%s leads %s", p.HCTL, whither(t)))
	}
	for _, p := range t.Paths {
		do(ForgetPath, p.name(), "multipathd must not bring it back")
	}
}

// lostSteps are those for a LU that lives on: one path after the other.
func lostSteps(t Target, do func(Action, string, string)) {
	for _, p := range t.Paths {
		do(ForgetPath, p.name(), "multipathd takes it out of its map, the other paths carry on")
		do(OfflinePath, p.name(), "nothing may wait for it any more")
		do(DeletePath, p.name(), fmt.Sprintf("%s leads %s", p.HCTL, whither(t)))
	}
}

// whither says where a target's paths lead.
func whither(t Target) string {
	if t.Verdict == Remapped {
		return "to another LU now"
	}
	return "nowhere"
}

// mapSteps are the steps up to the point where the map is proven gone.
func mapSteps(t Target, d Device, do func(Action, string, string)) {
	if t.Map.Queueing {
		do(DisableQueueing, t.Map.Name, "I/O to it would wait for ever; switched on again if the map stays")
	}
	if t.Map.Queueing || len(d.Blocked) > 0 {
		do(WaitReaders, t.Map.Name, waitWords(d))
	}
	if t.Proof == ByRunbook {
		do(ProbeMap, t.Map.Name, "the operator's rule: go on at EIO alone")
	}
	do(FlushMap, t.Map.Name, "paths are deleted only after their map is gone")
}

func waitWords(d Device) string {
	if len(d.Blocked) == 0 {
		return "readers that were stuck end by themselves now"
	}
	return fmt.Sprintf("%s, ends by itself now", d.Blocked[0].By)
}
