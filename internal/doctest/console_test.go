package doctest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// A block is one command of a page and what it prints.
type block struct{ command, want string }

var fence = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// blocks reads the console blocks of a page.
func blocks(page string) []block {
	var out []block
	for _, b := range fence.FindAllStringSubmatch(page, -1) {
		for _, line := range strings.SplitAfter(b[1], "\n") {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				out = append(out, block{command: command})
				continue
			}
			if n := len(out); n > 0 {
				out[n-1].want += line
			}
		}
	}
	return out
}

// pattern is what the page promises, as a regular expression.
func pattern(want string) *regexp.Regexp {
	parts := strings.Split(regexp.QuoteMeta(Settled(want)), "…\n")
	return regexp.MustCompile("(?s)^" + strings.Join(parts, "(.*\n)?") + "$")
}

func TestConsole(t *testing.T) {
	bin := programs(t)
	ran := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		all := blocks(string(text))
		ran += len(all)
		if len(all) == 0 {
			continue
		}
		t.Run(page, func(t *testing.T) {
			dir := t.TempDir()
			for _, b := range all {
				cmd := exec.Command("bash", "-c", b.command)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LC_ALL=C")
				out, _ := cmd.CombinedOutput() // the page shows the status where it matters
				if !pattern(b.want).MatchString(Settled(string(out))) {
					t.Errorf("$ %s(-page +now):\n%s", b.command, cmp.Diff(Settled(b.want), Settled(string(out))))
				}
			}
		})
	}
	require.NotZero(t, ran, "no page has a console block")
}

// pages lists the module's Markdown files.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != root {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			rel, _ := filepath.Rel(root, path)
			out = append(out, rel)
		}
		return err
	}))
	require.Contains(t, out, "README.md")
	return out
}

// programs builds the commands that pages use.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", dir, "./examples/sweep", "./examples/mpjson")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// Both languages of a page have the same commands, code and tables.
func TestTranslations(t *testing.T) {
	en, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	zh, err := os.ReadFile(filepath.Join(root, "README.zh-CN.md"))
	require.NoError(t, err)
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	want, got := code.FindAllString(string(en), -1), code.FindAllString(string(zh), -1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the code blocks of README.zh-CN.md differ from README.md's (-en +zh):\n%s", diff)
	}
	headings := func(s []byte) int { return len(regexp.MustCompile(`(?m)^##+ `).FindAll(s, -1)) }
	require.Equal(t, headings(en), headings(zh), "the pages have different sections")
}

// Links within the module lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			}
		}
	}
}
