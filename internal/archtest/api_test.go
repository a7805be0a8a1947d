package archtest

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the API listings anew")

// What importers see is listed in testdata/api, a file for each package, so that
// no change of it goes unnoticed: a line that goes, or changes, breaks somebody.
//
//	go test ./internal/archtest -run TestAPI -update
func TestAPI(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if name == "" || strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "examples/") {
			continue
		}
		listed := filepath.Join("testdata", "api", strings.ReplaceAll(name, "/", "-")+".txt")
		got := strings.Join(exported(t, p), "\n") + "\n"
		if *update {
			require.NoError(t, os.WriteFile(listed, []byte(got), 0o644))
			continue
		}
		want, err := os.ReadFile(listed)
		require.NoError(t, err)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("the API of %s has changed; if that is meant, say so in the README's changes and run this test with -update (-listed +now):\n%s", name, diff)
		}
	}
}

// exported lists a package's exported declarations for linux, one a line, without
// comments and bodies, in alphabetical order.
func exported(t *testing.T, p goPackage) []string {
	t.Helper()
	var out []string
	for _, file := range p.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.FileExports(f)
		for _, d := range f.Decls {
			if !hidden(d) {
				out = append(out, lines(t, fset, d)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// hidden reports whether a declaration is a method of a type that importers do
// not see.
func hidden(d ast.Decl) bool {
	fn, ok := d.(*ast.FuncDecl)
	if !ok || fn.Recv == nil {
		return false
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && !name.IsExported()
}

// lines prints a declaration: a line for a function, a type, or each constant or
// variable; a struct's fields and an interface's methods have one each.
func lines(t *testing.T, fset *token.FileSet, d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		d.Body = nil
		return []string{text(t, fset, d)}
	case *ast.GenDecl:
		var out []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				out = append(out, typeLines(t, fset, s)...)
			case *ast.ValueSpec:
				out = append(out, d.Tok.String()+" "+text(t, fset, s))
			}
		}
		return out
	}
	return nil
}

func typeLines(t *testing.T, fset *token.FileSet, s *ast.TypeSpec) []string {
	head := "type " + s.Name.Name
	switch typ := s.Type.(type) {
	case *ast.StructType:
		return members(t, fset, head+" struct", typ.Fields)
	case *ast.InterfaceType:
		return members(t, fset, head+" interface", typ.Methods)
	}
	return []string{"type " + text(t, fset, s)}
}

func members(t *testing.T, fset *token.FileSet, head string, fields *ast.FieldList) []string {
	out := []string{head}
	for _, f := range fields.List {
		for _, n := range f.Names {
			out = append(out, head+": "+n.Name+" "+text(t, fset, f.Type))
		}
		if len(f.Names) == 0 {
			out = append(out, head+": "+text(t, fset, f.Type))
		}
	}
	return out
}

// text prints a node on one line.
func text(t *testing.T, fset *token.FileSet, node any) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, fset, node))
	return strings.Join(strings.Fields(b.String()), " ")
}
