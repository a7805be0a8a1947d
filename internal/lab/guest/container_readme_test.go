//go:build linux && amd64

package guest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's docker run lines give a container just what the lab's have.
func TestREADMEContainers(t *testing.T) {
	page, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^docker run (.*\\\n)*.* IMAGE`).FindAllString(string(page), -1)
	want := []Container{Privileged(), Least()}
	if len(lines) != len(want) {
		t.Fatalf("the README has %d docker run lines, want %d", len(lines), len(want))
	}
	for i, l := range lines {
		if diff := cmp.Diff(want[i], dockerRun(t, l)); diff != "" {
			t.Errorf("%s\n-lab +README:\n%s", l, diff)
		}
	}
}

// dockerRun reads a docker run command line.
func dockerRun(t *testing.T, line string) Container {
	t.Helper()
	c := Container{}
	words := regexp.MustCompile(`'[^']*'|[^\s\\]+`).FindAllString(line, -1)
	for i := 2; i < len(words); i++ {
		value := strings.Trim(words[min(i+1, len(words)-1)], "'")
		switch words[i] {
		case "-v":
			from, to, _ := strings.Cut(value, ":")
			if place, _, _ := strings.Cut(to, ":"); place != "/host"+from {
				t.Errorf("%s is mounted at %s", from, to)
			}
			c.Mounts = append(c.Mounts, from)
		case "--cap-add":
			c.Caps = append(c.Caps, value)
		case "--device-cgroup-rule":
			c.Devices = append(c.Devices, value)
		case "--pid=host":
			c.HostPID = true
		case "--privileged":
			if c.Caps != nil || c.Devices != nil {
				t.Error("privileged, and rights beside")
			}
		}
	}
	if !slices.Contains(words, "--privileged") && !slices.Contains(words, "ALL") {
		t.Error("docker's own capabilities are not dropped")
	}
	return c
}
