package archtest

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unshown says what no example of its package can show, and why.
var unshown = map[string]string{
	"remediatetest.New": "takes the *testing.T that an example does not have",
}

// called are methods that are called through an interface of the standard
// library's, by fmt, errors or encoding/json.
var called = []string{
	"String", "Error", "Unwrap", "Is",
	"MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON",
}

// Every function, type and method that importers see is used in an example of
// its package that runs: go doc shows how, and that it works.
func TestEverythingIsShown(t *testing.T) {
	all := slices.DeleteFunc(packages(t), func(p goPackage) bool {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		return name == "" || strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "examples/")
	})
	lookup := exports(t, all)
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		fset := token.NewFileSet()
		imp := importer.ForCompiler(fset, "gc", lookup)
		pkg, err := imp.Import(p.ImportPath)
		require.NoError(t, err)
		shown := shownIn(t, fset, imp, p)
		for _, obj := range visible(pkg) {
			if _, ok := unshown[pkg.Name()+"."+obj.name]; !shown[obj.Object] && !ok {
				t.Errorf("%s.%s is in no example that runs", name, obj.name)
			}
		}
	}
}

// exports finds the export data of packages, and of what they and their tests
// import, as the compiler left it.
func exports(t *testing.T, of []goPackage) func(path string) (io.ReadCloser, error) {
	t.Helper()
	argv := []string{"list", "-export", "-deps", "-test", "-json=ImportPath,Export"}
	for _, p := range of {
		argv = append(argv, p.ImportPath)
	}
	out, err := exec.Command("go", argv...).Output()
	require.NoError(t, err)
	files := map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct{ ImportPath, Export string }
		require.NoError(t, dec.Decode(&p))
		files[p.ImportPath] = p.Export
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
}

type named struct {
	types.Object
	name string // "New", "FS.Pin"
}

// visible lists a package's exported functions, types and methods.
func visible(pkg *types.Package) []named {
	var out []named
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Func:
			out = append(out, named{obj, name})
		case *types.TypeName:
			out = append(out, named{obj, name})
			if typ, ok := obj.Type().(*types.Named); ok {
				out = append(out, methods(typ)...)
			}
		}
	}
	return out
}

func methods(typ *types.Named) []named {
	var out []named
	for m := range typ.Methods() {
		if m.Exported() && !slices.Contains(called, m.Name()) {
			out = append(out, named{m, typ.Obj().Name() + "." + m.Name()})
		}
	}
	return out
}

// shownIn is what a package's runnable examples use, and the functions that they
// call for it in the same files.
func shownIn(t *testing.T, fset *token.FileSet, imp types.Importer, p goPackage) map[types.Object]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(p.Dir, "example*_test.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	_, err = (&types.Config{Importer: imp}).Check(p.ImportPath+"_test", fset, files, info)
	require.NoError(t, err, "examples stand in files of their own, example…_test.go, and need no other")
	w := &walk{info: info, bodies: map[types.Object][]*ast.FuncDecl{}, shown: map[types.Object]bool{}}
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				of := owner(info, fn)
				w.bodies[of] = append(w.bodies[of], fn)
			}
		}
	}
	for _, ex := range doc.Examples(files...) {
		if ex.Output != "" {
			w.from(exampleNamed(files, ex.Name))
		}
	}
	return w.shown
}

// owner is the function itself, or the type that it is a method of.
func owner(info *types.Info, fn *ast.FuncDecl) types.Object {
	if fn.Recv == nil {
		return info.Defs[fn.Name]
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return info.Uses[typ.(*ast.Ident)]
}

func exampleNamed(files []*ast.File, name string) *ast.FuncDecl {
	for _, f := range files {
		if obj := f.Scope.Lookup("Example" + name); obj != nil {
			return obj.Decl.(*ast.FuncDecl)
		}
	}
	return nil
}

// A walk goes through functions, and notes what they use.
type walk struct {
	info   *types.Info
	bodies map[types.Object][]*ast.FuncDecl // of functions and of types with methods
	shown  map[types.Object]bool
}

func (w *walk) from(fn *ast.FuncDecl) {
	obj := w.info.Defs[fn.Name]
	if w.shown[obj] {
		return
	}
	w.shown[obj] = true
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			w.use(w.info.Uses[id])
		}
		if e, ok := n.(ast.Expr); ok {
			w.ofType(w.info.Types[e].Type)
		}
		return true
	})
}

func (w *walk) use(obj types.Object) {
	for _, body := range w.bodies[obj] {
		w.from(body)
	}
	w.shown[obj] = true
}

// ofType notes the types that a value's type names.
func (w *walk) ofType(typ types.Type) {
	switch typ := typ.(type) {
	case *types.Named:
		w.shown[typ.Obj()] = true
	case *types.Alias:
		w.shown[typ.Obj()] = true
	case *types.Pointer:
		w.ofType(typ.Elem())
	case *types.Slice:
		w.ofType(typ.Elem())
	case *types.Map:
		w.ofType(typ.Key())
		w.ofType(typ.Elem())
	case *types.Tuple:
		for v := range typ.Variables() {
			w.ofType(v.Type())
		}
	case *types.Signature:
		w.ofType(typ.Params())
		w.ofType(typ.Results())
	}
}
