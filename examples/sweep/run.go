package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// A command does the work of one of sweep's verbs and notes in s.doc what came
// of it; show writes that down for people.
type command struct {
	do   func(ctx context.Context, s *session) error
	show func(p *page, d *document)
}

func commands() map[string]command {
	return map[string]command{
		"scan":   {scan, showScan},
		"plan":   {plan, showPlan},
		"apply":  {apply, showApply},
		"verify": {verify, showVerify},
	}
}

// run is the whole program, and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runOn(ctx, openHost, args, stdin, stdout, stderr)
}

// runOn is run on the host that open opens.
func runOn(ctx context.Context, open opener, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args)
	var help *helpError
	if errors.As(err, &help) {
		writeHelp(stdout, help.command)
		return statusClean
	}
	if err != nil {
		return misused(stderr, err)
	}
	return newSession(c, open, stdin, stdout, stderr).run(ctx)
}

// misused reports a usage error in one line, with a hint.
func misused(stderr io.Writer, err error) int {
	var u *usageError
	switch {
	case errors.As(err, &u) && u.text == "":
		writeHelp(stderr, "")
	case errors.As(err, &u) && u.command != "":
		fmt.Fprintf(stderr, "sweep %s: %s (see: sweep %s -h)\n", u.command, u.text, u.command)
	default:
		fmt.Fprintf(stderr, "sweep: %v (see: sweep help)\n", err)
	}
	return statusUsage
}

// A session is one run of one command.
type session struct {
	config
	open     opener
	stdin    io.Reader
	stderr   io.Writer
	page     *page
	progress *progress
	doc      *document

	sys       *remediate.System  // once it is open
	sw        *remediate.Sweeper // once there is one
	closeHost func()
}

func newSession(c config, open opener, stdin io.Reader, stdout, stderr io.Writer) *session {
	return &session{
		config: c, open: open, stdin: stdin, stderr: stderr,
		page: newPage(stdout), progress: newProgress(stderr), doc: newDocument(c.command),
		closeHost: func() {},
	}
}

// run does the command within its time and reports on it, however it ended.
func (s *session) run(ctx context.Context) int {
	if s.simulate != "" {
		fmt.Fprintf(s.stderr, "sweep: simulated host %q, made anew for each command: nothing of this machine is looked at or changed\n", s.simulate)
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cmd := commands()[s.command]
	err := cmd.do(limited, s)
	defer s.closeHost()
	s.progress.stop()
	interrupted := ctx.Err() != nil
	s.doc.close(err)
	if s.sw != nil {
		s.doc.Stuck = s.sw.Stuck()
	}
	if werr := s.write(cmd); werr != nil {
		fmt.Fprintf(s.stderr, "sweep: write the report: %v\n", werr)
		return statusFailed
	}
	s.complain(err, interrupted)
	return status(s.doc, err, interrupted)
}

func (s *session) write(cmd command) error {
	if s.json {
		return s.doc.encode(s.page)
	}
	cmd.show(s.page, s.doc)
	return s.page.flush()
}

// complain says on standard error what could not be seen or done, and what to
// do about it.
func (s *session) complain(err error, interrupted bool) {
	for _, u := range s.doc.Unfinished {
		fmt.Fprintf(s.stderr, "sweep: %s (sweep apply puts it right)\n", u)
	}
	for _, h := range s.doc.StaleHolders {
		fmt.Fprintf(s.stderr, "sweep: %s\n", h)
	}
	for _, g := range s.doc.Gaps {
		fmt.Fprintf(s.stderr, "sweep: could not see %s\n", g)
	}
	if err != nil {
		fmt.Fprintf(s.stderr, "sweep %s: %v%s\n", s.command, err, s.advice(err, interrupted))
	}
	for _, c := range s.doc.Stuck {
		fmt.Fprintf(s.stderr, "sweep: %s\n", stuckWords(c))
	}
}

// stuckWords is what a command that does not end waits for.
func stuckWords(c remediate.StuckCall) string {
	words := c.What + " has not come back since " + clock(c.Since)
	if c.WChan != "" {
		words += " (it sleeps in " + c.WChan + ")"
	}
	return words + ": sweep may not end before it does"
}

// sweeper returns the host's Sweeper, with whatever the command line says of
// every command, and the options more. It refuses WWIDs that look cut short.
func (s *session) sweeper(ctx context.Context, more ...remediate.Option) (*remediate.Sweeper, error) {
	sys, err := s.system()
	if err != nil {
		return nil, err
	}
	opts := []remediate.Option{
		remediate.WithSystem(*sys), remediate.WithObserver(s.progress.observe),
		remediate.WithDwell(s.dwell), remediate.WithProbeTimeout(s.probeTimeout), remediate.WithMaxDead(float64(s.maxDead)),
		remediate.WithOwner(s.owner(nobodys)), remediate.WithLockDir(s.lockDir),
	}
	if s.runbook {
		opts = append(opts, remediate.WithRunbook())
	}
	if s.sw, err = remediate.New(append(opts, more...)...); err != nil {
		return nil, err
	}
	return s.sw, s.checkOdd(ctx, s.sw)
}

// system opens the host, once.
func (s *session) system() (*remediate.System, error) {
	if s.sys != nil {
		return s.sys, nil
	}
	sys, closeHost, err := s.open(s.config)
	if err != nil {
		return nil, err
	}
	s.sys, s.closeHost = &sys, closeHost
	ctx, cancel := context.WithTimeout(context.Background(), s.probeTimeout)
	defer cancel()
	name, err := sys.FS.Hostname(ctx)
	s.doc.Host = hostname(name)
	return s.sys, errors.WithMessage(err, "read the host's name")
}

// clock is the time of day as texts show it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
