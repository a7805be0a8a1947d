package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// A payload is what a guest gets to run: the scenarios as one static test
// binary, the sweep command beside it, and examples where a scenario runs them.
type payload struct {
	root  string // the module that it was made from
	dir   string
	files []string // what goes into every guest's /payload
	lack  error    // why a command is not among them
}

// moduleRoot is the folder of the go.mod that this command was started in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "internal", "lab", "scenario")); err != nil {
		return "", fmt.Errorf("start it from inside the module: %w", err)
	}
	return root, nil
}

// buildPayload compiles the guest's programs into a folder below dir. Without
// the sweep command it goes on, for the scenarios that do not need it.
func buildPayload(ctx context.Context, root, dir string) (payload, error) {
	p := payload{root: root, dir: filepath.Join(dir, "bin")}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return p, err
	}
	if err := p.compile(ctx, root, "scenario.test", "test", "-c", "-tags", "lab", "./internal/lab/scenario"); err != nil {
		return p, err
	}
	p.lack = p.compile(ctx, root, "sweep", "build", "./examples/sweep")
	return p, nil
}

// addExamples compiles the examples that are modules of their own and that the
// chosen scenarios run: TestCSINode… runs examples/csinode. They depend on much
// more than the library, so nobody else waits for them.
func (p *payload) addExamples(ctx context.Context, root string, names []string) {
	for prefix, example := range map[string]string{"TestCSINode": "csinode"} {
		dir := filepath.Join(root, "examples", example)
		wanted := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix) })
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); !wanted || err != nil {
			continue
		}
		p.lack = errors.Join(p.lack, p.compile(ctx, dir, example, "build", "."))
	}
}

// compile runs go verb -o FILE args… in dir and adds FILE to the payload.
func (p *payload) compile(ctx context.Context, dir, name, verb string, args ...string) error {
	file := filepath.Join(p.dir, name)
	cmd := exec.CommandContext(ctx, "go", append([]string{verb, "-o", file}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	p.files = append(p.files, file)
	return nil
}

// scenarios lists the test functions that match, in the binary's order: the
// benchmarks, whose names begin with TestBench, or all others.
func (p *payload) scenarios(ctx context.Context, match *regexp.Regexp, bench bool) ([]string, error) {
	cmd := exec.CommandContext(ctx, p.files[0], "-test.list", "^Test")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	var names []string
	for _, f := range strings.Fields(string(out)) {
		if match.MatchString(f) && strings.HasPrefix(f, "TestBench") == bench {
			names = append(names, f)
		}
	}
	sort.Strings(names)
	return names, nil
}

// into puts the programs and the guest's init into dir.
func (p *payload) into(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "init.sh"), initScript, 0o755); err != nil {
		return err
	}
	for _, f := range p.files {
		if err := linkOrCopy(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			return err
		}
	}
	return nil
}

// outOf takes them away again, so that what is kept is only what the guest said.
func (p *payload) outOf(dir string) {
	for _, f := range p.files {
		os.Remove(filepath.Join(dir, filepath.Base(f)))
	}
}

func (p *payload) remove() { os.RemoveAll(p.dir) }

func linkOrCopy(from, to string) error {
	os.Remove(to)
	if os.Link(from, to) == nil {
		return nil
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
