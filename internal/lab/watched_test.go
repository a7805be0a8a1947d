package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unwatched are the functions of the scenarios that call the library or the sweep command
// outside of what the watcher is asked about there, and why.
var unwatched = map[string]string{
	"carryOut":             "it is who watches",
	"TestBackWhileOff":     "one watch goes over both of its executions",
	"beside":               "it is called by TestBackWhileOff",
	"sweepByLibrary":       "the soak holds the watcher's word against the plan by itself",
	"TestSweepsSideBySide": "one watch goes over all of its sweeps",
	"TestCrashStalePath":   "its sweeps go on between others that are traced by ptrace, to be killed",
	"killAt":               "what is traced by ptrace, to be killed, cannot be watched",
	"TestCrashAlone":       "the same",
	"sweepAll":             "it is measured",
	"unseen":               "it is measured",
}

// Whatever a scenario has the library, or the command, do to the guest is watched, and
// held against a plan, a journal or a report.
func TestScenariosAreWatched(t *testing.T) {
	files, err := filepath.Glob("scenario/*_test.go")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !callsUnwatched(fn) {
				continue
			}
			found[fn.Name.Name] = true
			if unwatched[fn.Name.Name] == "" {
				t.Errorf("%s: %s calls the library, or the command, and nobody watches what is done", name, fn.Name.Name)
			}
		}
	}
	for name := range unwatched {
		if !found[name] {
			t.Errorf("%s is watched, or there is no such function", name)
		}
	}
}

// callsUnwatched reports whether a function makes one of the calls outside of a function
// that it hands to who watches it.
func callsUnwatched(fn *ast.FuncDecl) (yes bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := c.Fun.(type) {
		case *ast.Ident:
			return f.Name != "watched" && f.Name != "reported"
		case *ast.SelectorExpr:
			yes = yes || ofTheLibrary(f) || ofTheCommand(f, c.Args)
		}
		return true
	})
	return yes
}

func ofTheLibrary(f *ast.SelectorExpr) bool {
	return slices.Contains([]string{"Survey", "Plan", "Execute", "Clear", "ClearLUN", "Recover", "Verify", "VerifyIdentity"}, f.Sel.Name)
}

func ofTheCommand(f *ast.SelectorExpr, args []ast.Expr) bool {
	switch {
	case f.Sel.Name == "SweepKilled":
		return true
	case f.Sel.Name != "Sweep" || len(args) < 2:
		return false
	}
	return !slices.ContainsFunc(args, func(a ast.Expr) bool {
		l, ok := a.(*ast.BasicLit)
		return ok && strings.Trim(l.Value, `"`) == "scan"
	})
}
