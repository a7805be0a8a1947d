package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// plan writes a plan so that it can be pasted into a change ticket.
func (p *page) plan(d *document) {
	pl := d.Plan
	p.line("%s for host %s", p.style.bold("Plan "+pl.ID), pl.Host)
	p.line("made %s, expires %s (valid for %s, on this boot of the host)", clock(pl.Created), clock(pl.Expires), pl.Expires.Sub(pl.Created).Round(time.Second))
	p.line("")
	for _, t := range pl.Targets {
		p.target(pl, t)
	}
	if len(pl.Targets) == 0 {
		p.line("There is nothing to do.")
		p.line("")
	}
	p.leftAlone(d)
	p.unwell(d)
	if len(pl.Targets) > 0 && d.Command == "plan" {
		p.line("To apply it:")
		p.line("  %s", d.applyWith)
		p.line("")
	}
}

// target writes what is done to one LU, and why.
func (p *page) target(pl *remediate.Plan, t remediate.Target) {
	p.line("%s: %s", p.style.bold(whatGoes(t)), p.verdict(t.Verdict, t.Verdict.String()))
	word := "because"
	for _, r := range t.Reasons {
		p.line("  %-7s %s", word, r)
		word = ""
	}
	var steps []remediate.Step
	width := 0
	for _, s := range pl.Steps {
		if s.WWID == t.WWID {
			steps = append(steps, s)
			width = max(width, len(stepWords(s)))
		}
	}
	for _, s := range steps {
		p.line("  %3d. %-*s  %s", s.N, width, stepWords(s), p.style.dim("("+s.Why+")"))
	}
	p.line("")
}

// whatGoes names what a target loses: its map and disks, or some disks.
func whatGoes(t remediate.Target) string {
	var disks []string
	for _, x := range t.Paths {
		if x.Dev != "" {
			disks = append(disks, x.Dev+" ("+x.HCTL.String()+")")
		} else {
			disks = append(disks, x.HCTL.String())
		}
	}
	paths := strings.Join(disks, ", ")
	switch {
	case t.Keeps:
		return "Remove paths of " + t.WWID + ": " + paths
	case t.Map != nil && len(disks) > 0:
		return fmt.Sprintf("Remove %s: map %s (%s), disks %s", t.WWID, t.Map.Name, t.Map.DM, paths)
	case t.Map != nil:
		return fmt.Sprintf("Remove %s: map %s (%s)", t.WWID, t.Map.Name, t.Map.DM)
	}
	return "Remove " + t.WWID + ": disks " + paths
}

// stepWords is a step as one would order it.
func stepWords(s remediate.Step) string {
	switch s.Action {
	case remediate.DisableQueueing:
		return "switch queueing off on map " + s.Target
	case remediate.WaitReaders:
		return "wait until nobody reads map " + s.Target
	case remediate.ProbeMap:
		return "read map " + s.Target + " once more"
	case remediate.FlushMap:
		return "flush map " + s.Target
	case remediate.RemoveMap:
		return "remove map " + s.Target
	case remediate.OfflinePath:
		return "set disk " + s.Target + " offline"
	case remediate.DeletePath:
		return "delete disk " + s.Target
	case remediate.ForgetPath:
		return "have multipathd forget " + s.Target
	case remediate.ResumeMap:
		return "resume map " + s.Target
	case remediate.RestoreQueueing:
		return "switch queueing on again on map " + s.Target
	case remediate.VerifyGone:
		return "verify that " + s.Target + " is gone"
	}
	return string(s.Action) + " " + s.Target
}

// leftAlone says of every residual device that the plan does not touch why.
func (p *page) leftAlone(d *document) {
	first := true
	for _, x := range d.Devices {
		if !x.Verdict.Residual() || planned(d.Plan, x.WWID) {
			continue
		}
		if first {
			p.line("%s", p.style.bold("Left alone:"))
		}
		first = false
		p.line("  %s: %s", d.name(x.WWID), p.verdict(x.Verdict, x.Verdict.String()))
		p.line("      because %s", whyNot(x))
		if hint := flagFor(x); hint != "" {
			p.line("      %s", hint)
		}
	}
	if !first {
		p.line("")
	}
}

// unwell lists the devices that are neither residual nor healthy: no plan
// touches them, but somebody should know.
func (p *page) unwell(d *document) {
	first := true
	for _, x := range d.Devices {
		if urgency(x) != 1 {
			continue
		}
		if first {
			p.line("%s", p.style.bold("Not residual, but not well:"))
		}
		first = false
		p.line("  %s: %s", d.name(x.WWID), p.verdict(x.Verdict, x.Verdict.String()))
		p.line("      %s", firstReason(x))
	}
	if !first {
		p.line("")
	}
}

func planned(pl *remediate.Plan, wwid string) bool {
	for _, t := range pl.Targets {
		if t.WWID == wwid {
			return true
		}
	}
	return false
}

// whyNot is why a residual device is not in the plan.
func whyNot(x remediate.Device) string {
	switch {
	case x.Protected != "":
		return "it is protected: " + x.Protected
	case len(x.InUse) > 0:
		users := make([]string, len(x.InUse))
		for i, u := range x.InUse {
			users[i] = u.String()
		}
		return "it is in use: " + strings.Join(users, "; ")
	case x.Evidence.ClaimError != "":
		return "its owner could not be asked: " + x.Evidence.ClaimError
	case x.Owner != remediate.Mine:
		return ownerReason(x)
	case x.Removable:
		return "too much looks dead at once, which is taken for an outage"
	case len(x.Reasons) > 0:
		return x.Reasons[len(x.Reasons)-1]
	}
	return "its verdict allows nothing"
}

func ownerReason(x remediate.Device) string {
	why := "nobody says that it is ours"
	if x.Owner == remediate.NotMine {
		why = "it is not ours"
	}
	if src := x.Evidence.Claim.Source; src != "" {
		why += " (" + src + ")"
	}
	return why
}

// flagFor is the flag that would make a residual device removable, where a
// flag is all that is missing.
func flagFor(x remediate.Device) string {
	if x.Owner != remediate.OwnerUnknown || len(x.InUse) > 0 || x.Protected != "" || !x.Verdict.Actionable() {
		return ""
	}
	return "if it is ours, this makes it removable: -own " + quoted("wwid:"+literal(x.WWID))
}

// literal escapes what a glob would take for a pattern.
func literal(wwid string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(wwid)
}

func firstReason(x remediate.Device) string {
	if len(x.Reasons) == 0 {
		return "no reason is given"
	}
	return x.Reasons[0]
}
