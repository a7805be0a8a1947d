package main

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// A config is a command line, understood and checked.
type config struct {
	command string
	args    []string
	line    *flag.FlagSet // what was given, to be repeated in advice

	json, brief, runbook, yes    bool
	root, simulate, backend      string
	lockDir                      string
	own                          selectors
	detached                     wwids
	dwell, probeTimeout, timeout time.Duration
	maxDead                      share
	out, plan, journal           string
}

// A usageError says what is wrong with a command line; without a text the
// command itself is missing.
type usageError struct{ command, text string }

func (e *usageError) Error() string { return e.text }

// A helpError says that help was asked for, of one command or of all.
type helpError struct{ command string }

func (e *helpError) Error() string { return "help" }

// newFlags binds the flags to c, with their defaults.
func newFlags(c *config) *flag.FlagSet {
	f := flag.NewFlagSet("sweep", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.BoolVar(&c.json, "json", false, "one JSON object on standard output; progress goes to standard error")
	f.BoolVar(&c.brief, "brief", false, "one line where something residual is there, and none where nothing is: for cron and monitors")
	f.StringVar(&c.root, "root", "/", "the `DIR` where the host's file system is mounted, in a container often /host")
	f.StringVar(&c.simulate, "simulate", "", "work on the simulated host `NAME` instead: "+strings.Join(simulations(), ", "))
	c.dwell, c.probeTimeout, c.timeout, c.maxDead = 10*time.Second, 5*time.Second, 5*time.Minute, 0.5
	f.Var(&c.own, "own", "what is ours, repeatable; a `SEL` is all, wwid:GLOB or vendor:NAME, and !SEL excludes; nothing unless told")
	f.Var(&c.detached, "detached", "you attest that volume `WWID` is unmapped from this host; repeatable")
	f.BoolVar(&c.runbook, "runbook", false, "the operator's rule is proof: every path failed, the direct read fails with EIO, throughout -dwell")
	f.Var((*span)(&c.dwell), "dwell", "the evidence must hold for `D`; two looks at least, also at 0")
	f.StringVar(&c.backend, "backend", "auto", "speak to multipath by `B`: auto, socket, command, dm")
	f.Var((*span)(&c.probeTimeout), "probe-timeout", "one read may take `D`")
	f.Var((*span)(&c.timeout), "timeout", "the whole command may take `D`")
	f.Var(&c.maxDead, "max-dead", "do nothing when more than `N%` of the maps, of the iSCSI and FC LUs, or of all LUs look dead at once")
	f.StringVar(&c.out, "o", "", "write the plan to `FILE`, for you alone to read")
	f.StringVar(&c.plan, "plan", "", "read the plan from `FILE`; - is standard input")
	f.StringVar(&c.journal, "journal", "", "record every step in `FILE`, before and after it; lines of JSON")
	f.StringVar(&c.lockDir, "lock-dir", "", "keep locks and what is to be put right in `DIR`, the same for all who work on this host (run/lunsweep under -root)")
	f.BoolVar(&c.yes, "yes", false, "plan and execute at once, without a plan to be read first")
	return f
}

// onlyFor says which commands a flag belongs to, where it is not all of them.
func onlyFor(name string) []string {
	switch name {
	case "o":
		return []string{"plan", "apply"}
	case "plan":
		return []string{"apply", "verify"}
	case "journal", "yes":
		return []string{"apply"}
	case "lock-dir":
		return []string{"scan", "plan", "apply"}
	case "brief":
		return []string{"scan"}
	}
	return nil
}

func belongs(name, command string) bool {
	only := onlyFor(name)
	return only == nil || slices.Contains(only, command)
}

// parse understands a command line. Flags may stand before, between and after
// the command and its arguments.
func parse(args []string) (config, error) {
	var c config
	c.line = newFlags(&c)
	words, err := permuted(c.line, args)
	if len(words) > 0 {
		c.command, c.args = words[0], words[1:]
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return c, &helpError{command: known(c.command)}
	case err != nil:
		return c, &usageError{known(c.command), err.Error()}
	case c.command == "help":
		return c, helpOn(c.args)
	case c.command == "" && len(args) == 0:
		return c, &usageError{}
	case c.command == "":
		return c, &usageError{"", "which command: scan, plan, apply or verify?"}
	case known(c.command) == "":
		return c, &usageError{"", fmt.Sprintf("which command? %q is none of scan, plan, apply, verify", c.command)}
	}
	return c, c.check()
}

// permuted parses the flags wherever they stand, and returns the other words.
// What follows "--" is no flag.
func permuted(f *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			return words, err
		}
		rest := f.Args()
		taken := len(args) - len(rest)
		if len(rest) == 0 || taken > 0 && args[taken-1] == "--" {
			return append(words, rest...), nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

func known(command string) string {
	if _, ok := commands()[command]; ok {
		return command
	}
	return ""
}

func helpOn(args []string) error {
	if len(args) > 0 && known(args[0]) == "" {
		return &usageError{"", fmt.Sprintf("there is no command %q", args[0])}
	}
	return &helpError{command: strings.Join(args[:min(len(args), 1)], "")}
}

// check finds what is wrong with a command line whose flags have their forms.
func (c *config) check() error {
	for _, wrong := range []string{c.misplaced(), c.badValue(), c.badCommand()} {
		if wrong != "" {
			return &usageError{c.command, wrong}
		}
	}
	return nil
}

// misplaced finds a flag that says nothing to this command: ignoring it might
// mean ignoring what somebody relies on.
func (c *config) misplaced() (wrong string) {
	c.line.Visit(func(f *flag.Flag) {
		if !belongs(f.Name, c.command) {
			wrong = fmt.Sprintf("-%s belongs to %s", f.Name, strings.Join(onlyFor(f.Name), " and "))
		}
	})
	return wrong
}

func (c *config) given(name string) (yes bool) {
	c.line.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

func (c *config) badValue() string {
	switch {
	case c.timeout <= 0 || c.probeTimeout <= 0:
		return "-timeout and -probe-timeout must be more than nothing"
	case c.dwell < 0:
		return "-dwell must not be negative"
	case !slices.Contains([]string{"auto", "socket", "command", "dm"}, c.backend):
		return fmt.Sprintf("-backend %q is none of auto, socket, command, dm", c.backend)
	case c.given("simulate") && !slices.Contains(simulations(), c.simulate):
		return fmt.Sprintf("-simulate %q is none of %s", c.simulate, strings.Join(simulations(), ", "))
	case c.simulate != "" && c.given("root"):
		return "-simulate and -root name two hosts"
	case c.simulate != "" && c.given("lock-dir"):
		return "-simulate brings its own -lock-dir"
	case c.given("lock-dir") && !filepath.IsAbs(c.lockDir):
		return "-lock-dir must be an absolute path: it is one place for all who work on this host"
	case c.brief && c.json:
		return "-brief and -json are two forms of one report"
	case c.out == "-":
		return "-o wants a file; for the plan on standard output there is -json"
	}
	return ""
}

func (c *config) badCommand() string {
	switch {
	case c.command != "verify" && len(c.args) > 0:
		return fmt.Sprintf("takes no arguments, but got %q", c.args[0])
	case c.command == "apply" && c.plan == "" && !c.yes:
		return "needs a plan (-plan FILE), or your word to plan and execute at once (-yes)"
	case c.command == "apply" && c.plan != "" && c.out != "":
		return "-o writes the plan that -yes makes; with -plan there is one already"
	case c.command == "verify" && (c.plan == "") == (len(c.args) == 0):
		return "needs either a plan (-plan FILE) or WWIDs as arguments"
	}
	for _, w := range c.args {
		if err := checkWWID(w); err != nil {
			return err.Error()
		}
	}
	return ""
}

// A share is a part of a whole, 0 to 1, written as percent with or without the
// sign.
type share float64

func (s *share) String() string { return strconv.FormatFloat(float64(*s)*100, 'g', -1, 64) + "%" }

// Set reads "50%" and "50".
func (s *share) Set(text string) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return errors.New("want a percentage from 0% to 100%")
	}
	*s = share(n / 100)
	return nil
}

// A span is a time.Duration as a flag.
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }

// Set reads "5s" and "1m30s", and says so where a number has no unit.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("want a time with its unit, such as 5s")
	}
	*s = span(d)
	return nil
}
