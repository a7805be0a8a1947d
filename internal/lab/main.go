package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// allSuites are the distributions that the lab knows, oldest multipath-tools
// first.
var allSuites = []string{"bullseye", "bookworm", "trixie", "sid"}

// benchTimeout is the time limit of one benchmark, most of which is for getting
// the LUs back.
const benchTimeout = 45 * time.Minute

type options struct {
	suites  []string
	run     *regexp.Regexp
	jobs    int
	cpus    *processors
	verbose bool
	list    bool
	spread  bool
	again   int
	build   bool
	bench   bool
	write   bool // the benchmarks' table into the READMEs
	keep    string
	timeout time.Duration
	cache   string
	rounds  int    // of the soak; 0 for its own number
	peers   string // compare with others' rules, and "print", "check" or "write" the table
	table   string // of what came of each scenario's LUs: "print", "check" or "write"
	realrun string // "write" the READMEs' real run anew
	seed    uint64 // of the soak on the first suite; each next one has one more
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == keeperArg {
		os.Exit(keep())
	}
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ok, err := lab(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func parseOptions(args []string) (options, error) {
	o := options{cache: os.Getenv("LUNSWEEP_LAB"), cpus: newProcessors(allowed())}
	if o.cache == "" {
		o.cache = "/var/cache/lunsweep-lab"
	}
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	suites := fs.String("suites", "", "distributions, separated by commas, or all (default bookworm,trixie; with -spread all)")
	run := fs.String("run", "", "only the scenarios that match this `regexp`")
	fs.IntVar(&o.jobs, "j", runtime.NumCPU(), "guests side by side")
	fs.BoolVar(&o.verbose, "v", false, "print what the scenarios say while they run")
	fs.BoolVar(&o.list, "list", false, "list the scenarios and run none")
	fs.BoolVar(&o.spread, "spread", false, "run each scenario on one distribution only, in turn")
	fs.IntVar(&o.again, "again", 0, "run what failed once more, alone, where it is no more than `N` scenarios")
	fs.BoolVar(&o.build, "build", false, "build the lab where it is missing, and run nothing")
	fs.BoolVar(&o.bench, "bench", false, "run the benchmarks, and nothing else: one guest at a time, with more time, on bookworm unless told")
	fs.BoolVar(&o.write, "write", false, "with -bench, write the table of ratios into the READMEs, where every benchmark has passed")
	fs.StringVar(&o.keep, "keep", "", "keep what each guest wrote, and its console, under this `directory`")
	fs.DurationVar(&o.timeout, "timeout", 180*time.Second, "time limit of one scenario, boot included")
	fs.StringVar(&o.peers, "peers", "", "put others' rules into the situations of the scenarios TestPeers…, each on a boot of its own, and `print` the table, or check or write the README's")
	fs.StringVar(&o.table, "outcomes", "", "`print` what came of each scenario's LUs, or check or write "+outcomesPage)
	fs.StringVar(&o.realrun, "realrun", "", "run "+realRun+" on "+realRunSuite+" alone and `write` what it prints into the READMEs; any other run of it there is held against them")
	fs.IntVar(&o.rounds, "soak", 0, "`rounds` of TestSoak, with as much more time as they take")
	fs.Uint64Var(&o.seed, "seed", 1, "`seed` of TestSoak's rounds on the first distribution; on each next one it is one more")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", fs.Arg(0))
	}
	for name, how := range map[string]string{"-peers": o.peers, "-outcomes": o.table} {
		if !slices.Contains([]string{"", "print", "check", "write"}, how) {
			return o, fmt.Errorf("%s is print, check or write", name)
		}
	}
	if o.write && !o.bench {
		return o, fmt.Errorf("-write goes with -bench")
	}
	if o.realrun != "" && o.realrun != "write" {
		return o, fmt.Errorf("-realrun is write")
	}
	if o.realrun != "" {
		*suites, *run = realRunSuite, "^"+realRun+"$"
	}
	if o.bench {
		o.jobs, o.timeout = 1, max(o.timeout, benchTimeout)
		if *suites == "" {
			*suites = "bookworm"
		}
	}
	var err error
	if o.suites, err = chosenSuites(*suites, o.spread); err != nil {
		return o, err
	}
	if o.jobs < 1 || o.timeout < minTimeout {
		return o, fmt.Errorf("-j must be 1 at least and -timeout %s", minTimeout)
	}
	o.run, err = regexp.Compile(*run)
	return o, err
}

// chosenSuites reads the -suites flag.
func chosenSuites(s string, spread bool) ([]string, error) {
	switch {
	case s == "all", s == "" && spread:
		return allSuites, nil
	case s == "":
		return []string{"bookworm", "trixie"}, nil
	}
	known := strings.Join(allSuites, " ")
	out := strings.Split(s, ",")
	for _, suite := range out {
		if suite == "" || !strings.Contains(" "+known+" ", " "+suite+" ") {
			return nil, fmt.Errorf("no distribution %q; there are: %s", suite, known)
		}
	}
	return out, nil
}

// lab does what the options ask for, and reports whether all passed.
func lab(ctx context.Context, o options) (bool, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return false, err
	}
	dir, err := workDir(o.keep)
	if err != nil {
		return false, err
	}
	if o.keep == "" {
		defer os.RemoveAll(dir)
	}
	if o.build {
		return true, buildLab(ctx, o.cache, o.suites)
	}
	bin, err := buildPayload(ctx, root, dir)
	if err != nil {
		return false, err
	}
	defer bin.remove()
	names, err := bin.scenarios(ctx, o.run, o.bench)
	if err != nil {
		return false, err
	}
	if o.list {
		fmt.Println(strings.Join(names, "\n"))
		return true, nil
	}
	if len(names) == 0 {
		return false, fmt.Errorf("no scenario matches %q", o.run)
	}
	bin.addExamples(ctx, root, names)
	if err := buildLab(ctx, o.cache, o.suites); err != nil {
		return false, err
	}
	if o.peers != "" {
		ok, err := compare(ctx, o, root, dir, bin)
		if err != nil {
			return false, err
		}
		return ok, bin.lack
	}
	if o.realrun != "" {
		ok, err := writeRealRun(ctx, o, root, dir, bin)
		return ok, errors.Join(err, bin.lack)
	}
	cells := matrix(names, o.suites, o.spread)
	ok := runAll(ctx, o, dir, bin, cells)
	if ctx.Err() != nil {
		return false, fmt.Errorf("stopped")
	}
	if o.table != "" {
		same, err := deliverOutcomes(o.table, root, outcomesOf(cells))
		if err != nil {
			return false, err
		}
		ok = ok && same
	}
	if ok && o.write {
		if err := writeRatios(root, o, allTables(cells)); err != nil {
			return false, err
		}
	}
	return ok, bin.lack
}

// workDir is where the guests' payloads live while they run.
func workDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "lunsweep-lab-")
	}
	if err := os.MkdirAll(keep, 0o755); err != nil {
		return "", err
	}
	return filepath.Abs(keep)
}
