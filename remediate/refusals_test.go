package remediate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every reason to refuse has its line in REFUSALS.md, and the page has no other.
func TestRefusals(t *testing.T) {
	page, err := os.ReadFile("REFUSALS.md")
	require.NoError(t, err)
	var listed []string
	for _, line := range strings.Split(string(page), "\n") {
		if row, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(row, "`")
			listed = append(listed, name)
		}
	}
	require.ElementsMatch(t, reasonsInCode(t), listed)
}

// reasonsInCode are the verdicts that authorise nothing, the kinds of use and
// the error types.
func reasonsInCode(t *testing.T) []string {
	t.Helper()
	var out []string
	for i := range verdictNames {
		if v := Verdict(i); !v.Actionable() {
			out = append(out, v.String())
		}
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			out = append(out, reason(t, n)...)
			return true
		})
	}
	return out
}

// reason is the error type, or the word of the kind of use, that a node declares.
func reason(t *testing.T, n ast.Node) []string {
	switch n := n.(type) {
	case *ast.TypeSpec:
		if n.Name.IsExported() && strings.HasSuffix(n.Name.Name, "Error") {
			return []string{n.Name.Name}
		}
	case *ast.ValueSpec:
		if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "UseKind" {
			word, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			return []string{word}
		}
	}
	return nil
}
