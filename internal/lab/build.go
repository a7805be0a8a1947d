package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

//go:embed build.sh
var buildScript string

//go:embed init.sh
var initScript []byte

// packages is what every guest has installed.
var packages = []string{
	"multipath-tools", "kpartx", "udev", "kmod", "sg3-utils", "lvm2", "dmsetup", "cryptsetup-bin", "open-iscsi",
	"e2fsprogs", "xfsprogs", "fdisk", "iproute2", "procps", "lsscsi",
}

// layout changes when build.sh makes something else out of the same packages.
const layout = "1"

// stamp is what a part's .ready file says when it is the one wanted here.
func stamp() string { return layout + " " + strings.Join(packages, ",") }

// buildLab builds the parts of the lab that are missing or that were made from
// another list of packages.
func buildLab(ctx context.Context, cache string, suites []string) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the guests' kernel runs on linux/amd64 only, and this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("it needs root, to build the guests and to mount their roots")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(cache, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	parts, err := missing(cache, suites)
	if err != nil || len(parts) == 0 {
		return err
	}
	fmt.Fprintf(os.Stderr, "lab: building %s in %s\n", strings.Join(parts, ", "), cache)
	start := time.Now()
	args := append([]string{"-c", buildScript, "build.sh", cache, stamp(), strings.Join(packages, ",")}, parts...)
	cmd := exec.CommandContext(ctx, "bash", args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the lab: %w\n%s", err, said.Bytes())
	}
	fmt.Fprintf(os.Stderr, "lab: built in %s\n", time.Since(start).Round(time.Second))
	return nil
}

// missing names the parts that have to be built. Every guest holds the
// kernel's modules, so that another kernel means other guests.
func missing(cache string, suites []string) ([]string, error) {
	releases, _ := filepath.Glob(filepath.Join(cache, "kernel", "usr", "lib", "uml", "modules", "*"))
	if len(releases) != 1 {
		return append([]string{"kernel"}, suites...), nil
	}
	var out []string
	for _, suite := range suites {
		root := filepath.Join(cache, "guest-"+suite)
		ok, err := ready(root, filepath.Base(releases[0]))
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, suite)
		}
	}
	return out, nil
}

// ready reports whether the guest root is whole, has the kernel's modules and
// was made from the packages wanted. A root whose .ready is empty was made
// without a stamp; it is judged by what is installed in it.
func ready(root, release string) (bool, error) {
	if _, err := os.Stat(filepath.Join(root, "lib", "modules", release, "modules.dep")); err != nil {
		return false, nil
	}
	said, err := os.ReadFile(filepath.Join(root, ".ready"))
	if err != nil {
		return false, nil
	}
	if len(said) > 0 {
		return strings.TrimSpace(string(said)) == stamp(), nil
	}
	f, err := os.Open(filepath.Join(root, "var", "lib", "dpkg", "status"))
	if err != nil {
		return false, nil
	}
	defer f.Close()
	have, err := installed(f)
	if err != nil {
		return false, err
	}
	for _, p := range packages {
		if !have[p] {
			return false, nil
		}
	}
	return true, nil
}

// installed reads dpkg's status file:
//
//	Package: kpartx
//	Status: install ok installed
func installed(r io.Reader) (map[string]bool, error) {
	out := map[string]bool{}
	name := ""
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if p, ok := strings.CutPrefix(sc.Text(), "Package: "); ok {
			name = p
		}
		if sc.Text() == "Status: install ok installed" {
			out[name] = true
		}
	}
	return out, sc.Err()
}
