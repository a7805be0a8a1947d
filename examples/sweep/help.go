package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

const overview = `sweep finds the block devices that LUNs have left behind on this host, and removes them.

  sweep scan     survey and judge every map and disk; changes nothing
  sweep plan     what would be done, in which order, and why; and why not for the rest; changes nothing
  sweep apply    execute a plan, or plan and execute at once
  sweep verify   are the devices of a plan, or these WWIDs, gone?

Try it without privilege, on a simulated host:
  sweep scan -simulate residual
  sweep plan -simulate residual -own all -dwell 0

The runbook, on a real one, as root:
  sweep scan
  sweep plan -own 'wwid:360014055e7*' -o plan.json
  sweep apply -plan plan.json -journal /var/log/sweep.journal
  sweep verify -plan plan.json

Nothing is removable unless it is proven dead, unused, and named as ours (-own).
Exit status: 0 nothing residual is left; 1 could not do the work; 2 usage; 3 residual devices are there.
More: sweep COMMAND -h
`

func manual(command string) string {
	switch command {
	case "scan":
		return `sweep scan [flags]

Looks once at every multipath map and SCSI disk, and says what each of them is and why. Changes nothing.

  sweep scan                          this host, as root
  sweep scan -root /host -own all     in a container; what would be removable if all were ours
  sweep scan -json | jq -r '.devices[] | select(.verdict=="stale") | .wwid'
  sweep scan -brief                   one line where something residual is there: for cron, or a monitor
`
	case "plan":
		return `sweep plan -own SEL [-o FILE] [flags]

Looks twice, -dwell apart, and plans the removal of what is dead, ours and unused. Changes nothing.

  sweep plan -own vendor:LIO-ORG -own '!wwid:36001405aaaa*' -o plan.json
  sweep plan -own all -detached 360014055e7d1c0a4b2e4f0a9c1d2e3f4     it is unmapped: that is known
  sweep plan -own all -runbook -dwell 1m                              by the operator's rule
`
	case "apply":
		return `sweep apply -plan FILE | -yes [flags]

Executes a plan, or plans and executes at once, then says what is left. Before each change it looks again
and refuses what no longer fits. A plan brings along what is ours and which rule it was made by; -own narrows it.
Ctrl-C ends the work in good order; twice, at once. What a run that was killed has left as it must not stay
(queueing switched off, a path offline) is put right first, by any apply.

  sweep apply -plan plan.json -journal /var/log/sweep.journal
  sweep plan -own all -json | sweep apply -plan -
  sweep apply -yes -own 'wwid:360014055e7*'
`
	case "verify":
		return `sweep verify -plan FILE | WWID... [flags]

Says whether maps, disks, multipathd's entries and links of these identities are gone. Names do not count: a new
volume may own them by now. Changes nothing.

  sweep verify -plan plan.json
  sweep verify 360014055e7d1c0a4b2e4f0a9c1d2e3f4
`
	}
	return overview
}

// writeHelp writes the manual of a command with its flags, or the overview.
func writeHelp(w io.Writer, command string) {
	fmt.Fprint(w, manual(command))
	if command == "" {
		return
	}
	fmt.Fprint(w, "\nFlags:\n")
	var c config
	newFlags(&c).VisitAll(func(f *flag.Flag) {
		if belongs(f.Name, command) && !idle(f.Name, command) {
			fmt.Fprintln(w, flagLine(f))
		}
	})
}

// idle reports whether a flag, though a command takes it, changes nothing that
// the command is for: verify decides nothing.
func idle(name, command string) bool {
	return command == "verify" && slices.Contains([]string{"own", "detached", "dwell", "max-dead", "runbook"}, name)
}

func flagLine(f *flag.Flag) string {
	value, usage := flag.UnquoteUsage(f)
	if _, onOff := f.Value.(interface{ IsBoolFlag() bool }); onOff {
		value = ""
	}
	line := fmt.Sprintf("  %-20s %s", strings.TrimSpace("-"+f.Name+" "+value), usage)
	if f.DefValue != "" && f.DefValue != "false" {
		line += " (" + f.DefValue + ")"
	}
	return line
}
