package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowedImports says which packages of ours a package may import; what is not here is not allowed. Tests may import
// demo, dbtest and tooltest besides, and are not looked at.
func allowedImports() map[string][]string {
	area := []string{"tool", "postgres", "pos"}
	with := func(more ...string) []string { return append(slices.Clone(area), more...) }
	return map[string][]string{
		"cmd/flowpos":                      {"app"},
		"app":                              {"*"}, // it wires
		"server":                           {"mcphttp", "credential", "oauth", "session", "postgres", "pos"},
		"mcphttp":                          {"tool", "session", "credential", "limit", "pos"},
		"tokenhttp":                        {"credential", "limit", "pos"},
		"web":                              {"oauth", "credential", "pos"},
		"oauth":                            {"postgres", "session", "credential", "limit", "pos"},
		"mcphttp/fixtures":                 {},
		"session":                          {"limit", "pos"},
		"session/redistest":                {},
		"session/redistest/cmd/withredis":  {"session/redistest"},
		"session/sessiontest":              {"session", "pos"},
		"credential":                       {"postgres", "session", "pos"},
		"business":                         area,
		"catalog":                          area,
		"stock":                            area,
		"sales":                            with("reports"),
		"reports":                          area,
		"insight":                          with("reports"),
		"demo":                             {"postgres", "pos"},
		"salesimport":                      {"postgres", "pos"},
		"tool":                             {"limit", "pos"},
		"verdict":                          {},
		"tool/tooltest":                    {"tool", "pos"},
		"postgres":                         {"migrations", "pos"},
		"postgres/embedded":                {},
		"postgres/dbtest":                  {"postgres", "postgres/embedded", "migrations", "pos"},
		"postgres/dbtest/cmd/withpostgres": {"postgres/dbtest", "postgres/embedded"},
		"migrations":                       {},
		"pos":                              {},
		"limit":                            {},
		"devidentity":                      {}, // and who may import it: devidentity_test.go
		"devidentity/devidentitytest":      {},
		"metrics":                          {"limit", "pos"},
		"verify":                           {},
		"deploy/image":                     {},
		"bench": {"bench/inside", "bench/load", "bench/script", "credential", "demo", "pos", "postgres", "postgres/embedded",
			"reports", "session/redistest", "tool"},
		"bench/floor":  {"bench/inside", "bench/script"},
		"bench/inside": {},
		"bench/load":   {},
		"bench/ours":   {"app", "bench/inside"},
		"bench/script": {},
	}
}

// onlyIn says which packages alone may import something from outside.
func onlyIn() map[string][]string {
	return map[string][]string{
		"net/http":                               {"app", "server", "mcphttp", "tokenhttp", "credential", "oauth", "web", "devidentity", "metrics", "verify", "deploy/image", "bench", "bench/floor", "bench/inside"},
		"github.com/prometheus":                  {"metrics"},
		"github.com/redis/go-redis":              {"session"},
		"github.com/modelcontextprotocol/go-sdk": {"mcphttp", "mcphttp/fixtures", "tool/tooltest"},
		"github.com/jackc/pgx": {"app", "postgres", "postgres/embedded", "postgres/dbtest", "credential", "oauth", "business", "catalog", "stock",
			"sales", "reports", "insight", "demo", "salesimport", "bench", "bench/floor"},
	}
}

const module = "github.com/flowpos/flowpos-backend/"

func TestImportDirections(t *testing.T) {
	t.Parallel()
	allowed, only := allowedImports(), onlyIn()
	seen := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.Contains(p, "node_modules") {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(path.Dir(filepath.ToSlash(rel)), "internal/")
		seen[pkg] = true
		may, known := allowed[pkg]
		if !known {
			t.Errorf("%s: package %s is not in allowedImports", rel, pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp := strings.Trim(spec.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(imp, module); ok {
				ours = strings.TrimPrefix(ours, "internal/")
				if !slices.Contains(may, ours) && !slices.Contains(may, "*") {
					t.Errorf("%s imports %s, which %s may not", rel, ours, pkg)
				}
			}
			for outside, where := range only {
				if (imp == outside || strings.HasPrefix(imp, outside+"/")) && !slices.Contains(where, pkg) {
					t.Errorf("%s imports %s, which is for %s only", rel, imp, strings.Join(where, ", "))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("allowedImports names %s, which does not exist", pkg)
		}
	}
}
