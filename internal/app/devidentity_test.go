package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The development identity says of anybody that they have signed in. It must be out of reach of everything but the demo:
// only files of that subcommand may import it, what such a file declares may be used by files of the demo only, and only
// they may set serveCmd.identity, through which it reaches the verifier, and serveCmd.development, which signs people in on
// the pages.

const devIdentity = module + "internal/devidentity"

func TestDevelopmentIdentityIsForTheDemoOnly(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.Contains(p, "node_modules") {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(p)
		files[filepath.ToSlash(rel)] = string(src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range outsideTheDemo(t, files) {
		t.Error(wrong)
	}
}

func TestDevelopmentIdentityElsewhereIsFound(t *testing.T) {
	t.Parallel()
	const uses = "package app\nimport \"" + devIdentity + "\"\nfunc signIn() { devidentity.Open() }\ntype pretender struct{}\nfunc (pretender) run() {}\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"imported by serve", map[string]string{"internal/app/serve.go": uses}, "internal/app/serve.go imports the development identity"},
		{"imported by the package of credentials", map[string]string{"internal/credential/demo.go": uses}, "internal/credential/demo.go imports the development identity"},
		{
			"a function of the demo called by serve",
			map[string]string{"internal/app/demoidentity.go": uses, "internal/app/serve.go": "package app\nfunc serve() { signIn() }\n"},
			"internal/app/serve.go uses signIn of the demo's identity",
		},
		{
			"a type of the demo in the program",
			map[string]string{"internal/app/demoidentity.go": uses, "internal/app/program.go": "package app\ntype program struct{ who pretender }\n"},
			"internal/app/program.go uses pretender of the demo's identity",
		},
		{
			"serve with an identity of its own",
			map[string]string{"internal/app/serve.go": "package app\nfunc (c *serveCmd) run() { c.identity = http.DefaultClient }\n"},
			"internal/app/serve.go sets identity",
		},
		{
			"serve with people of the demo",
			map[string]string{"internal/app/serve.go": "package app\nfunc (c *serveCmd) run() { c.development = nil }\n"},
			"internal/app/serve.go sets development",
		},
		{
			"a program made with one",
			map[string]string{"internal/app/program.go": "package app\nfunc f() any { return &serveCmd{Port: 1, identity: nil} }\n"},
			"internal/app/program.go sets identity",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := outsideTheDemo(t, tt.files); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// outsideTheDemo returns what is wrong in these files, which are given by their path.
func outsideTheDemo(t *testing.T, files map[string]string) (wrong []string) {
	t.Helper()
	const demoFiles = "internal/app/demo*.go"
	parsed, declared := map[string]*ast.File{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed[name] = f
		if !imports(f, devIdentity) {
			continue
		}
		if ok, _ := path.Match(demoFiles, name); !ok {
			wrong = append(wrong, name+" imports the development identity")
			continue
		}
		for _, id := range declaredBy(f) {
			declared[id] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		if ok, _ := path.Match(demoFiles, name); ok || path.Dir(name) != path.Dir(demoFiles) {
			continue
		}
		ast.Inspect(parsed[name], func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && declared[id.Name] {
				wrong = append(wrong, fmt.Sprintf("%s uses %s of the demo's identity", name, id.Name))
			}
			for _, field := range []string{"identity", "development"} {
				if sets(n, field) {
					wrong = append(wrong, name+" sets "+field)
				}
			}
			return true
		})
	}
	return wrong
}

// sets says whether n gives a field of this name a value.
func sets(n ast.Node, field string) bool {
	named := func(e ast.Expr) bool {
		if s, ok := e.(*ast.SelectorExpr); ok {
			e = s.Sel
		}
		id, ok := e.(*ast.Ident)
		return ok && id.Name == field
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		return slices.ContainsFunc(n.Lhs, named)
	case *ast.KeyValueExpr:
		return named(n.Key)
	}
	return false
}

func imports(f *ast.File, pkg string) bool {
	return slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"`+pkg+`"` })
}

// declaredBy returns the functions and types that a file declares. Methods are reached through their types, and many have
// the name of another's.
func declaredBy(f *ast.File) (out []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				out = append(out, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					out = append(out, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						out = append(out, n.Name)
					}
				}
			}
		}
	}
	return out
}
