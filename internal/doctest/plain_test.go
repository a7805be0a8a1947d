package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A holder keeps lines of plain blocks true: it runs them, or what they show is
// held against what it does.
type holder struct {
	line string // how the line begins
	file string // of the module
	text string // what stands in it
}

var holders = []holder{
	{"go run ./examples/sweep scan -simulate residual", ".ci/run", `/sweep" scan -simulate residual`},
	{"go test ./...", ".ci/run", "\ngo test ./...\n"},
	{"cd examples/csinode", ".ci/run", `cd "$(dirname "$m")"`},
	{"# sweep ", "internal/lab/realrun.go", `realRun      = "TestRunbookSweep"`},
	{"docker run ", "internal/lab/guest/container_readme_test.go", "func TestREADMEContainers("},
	{"go run ./internal/lab ", ".ci/run", "go run ./internal/lab "},
	{"go test -tags apiserver ", ".ci/run", "go vet -tags apiserver"}, // it builds all of Kubernetes: a person's to run
	{"csinode -endpoint unix:///run/csinode.sock -node-id", "internal/lab/scenario/csinode_test.go", `"-records"`},
	{"csinode -endpoint unix:///run/csinode.sock call Node", "internal/lab/scenario/csinode_test.go", `"call"`},
}

// shown begins a block whose further lines are what the first one prints, or
// belong to a drawing.
var shown = []string{"# sweep scan\n", "                 ┌─► multipath"}

var plain = regexp.MustCompile("(?ms)^```(?:sh|bash|shell)?\n(.*?)^```$")

// Every command in a block that is not run here is one that something else runs.
func TestPlainBlocks(t *testing.T) {
	used := map[string]bool{}
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, b := range plainBlocks(string(text)) {
			for _, line := range commands(b) {
				h, ok := holderOf(line)
				if !ok {
					t.Errorf("%s: nothing is known to run %q: make its block a console one, or name its holder", page, line)
				}
				used[h.line] = true
			}
		}
	}
	for _, h := range holders {
		text, err := os.ReadFile(filepath.Join(root, h.file))
		require.NoError(t, err)
		require.Contains(t, string(text), h.text, "%s does not hold %q any more", h.file, h.line)
		require.True(t, used[h.line], "no page has %q", h.line)
	}
}

// plainBlocks finds the blocks without a language, or in a shell's. The end of
// one with another language is not taken for a beginning.
func plainBlocks(page string) []string {
	page = regexp.MustCompile("(?ms)^```(?:console|go|json|yaml)\n.*?^```$").ReplaceAllString(page, "")
	var out []string
	for _, m := range plain.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// commands are the lines of a block that a reader would type.
func commands(block string) []string {
	for _, begin := range shown {
		if strings.HasPrefix(block, begin) {
			first, _, _ := strings.Cut(begin, "\n")
			block = first
		}
	}
	block = strings.ReplaceAll(block, "\\\n", "")
	var out []string
	for line := range strings.Lines(block) {
		// what is indented goes on with the line above
		if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, " ") {
			out = append(out, line)
		}
	}
	return out
}

func holderOf(line string) (holder, bool) {
	for _, h := range holders {
		if strings.HasPrefix(line, h.line) || line == strings.TrimSpace(h.line) {
			return h, true
		}
	}
	return holder{}, false
}
