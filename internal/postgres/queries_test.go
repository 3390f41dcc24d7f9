package postgres_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/postgres/dbtest"
)

// query is an SQL statement of ours: a string that begins with "-- ".
type query struct{ at, sql string }

// TestEveryQueryPrepares has the migrated database parse every query of the program: a name that is misspelled or a type
// that PostgreSQL has to guess is found here. A query may be put together of literals and constants; what is composed at
// run time is its own package's to test, and its parts do not begin with "-- ".
func TestEveryQueryPrepares(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	conn, err := db.Owner.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	found, tables := queries(t, "../..")
	if len(found) < 20 {
		t.Errorf("only %d queries in the repository", len(found))
	}
	for _, sql := range tables { // such as the demo's marker, which no migration makes
		db.Exec(t, sql)
	}
	for _, q := range found {
		sql, _, err := pgx.NamedArgs{}.RewriteQuery(t.Context(), conn.Conn(), q.sql, nil)
		if err != nil {
			t.Errorf("%s: %v", q.at, err)
			continue
		}
		if _, err := conn.Conn().Prepare(t.Context(), "", sql); err != nil {
			t.Errorf("%s: %v", q.at, err)
		}
		if head, _, _ := strings.Cut(q.sql, "\n"); !strings.Contains(head, ": ") || len(q.sql) == len(head) {
			t.Errorf("%s: the first line %q does not say package: what it answers, on a line of its own", q.at, head)
		}
	}
}

// queries are those of the Go files below root, tests aside, and the tables that packages make themselves.
func queries(t *testing.T, root string) (found []query, tables []string) {
	t.Helper()
	files := token.NewFileSet()
	parsed := parseAll(t, files, root)
	known := constants{}
	for _, file := range parsed {
		known.note(file)
	}
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if _, name := n.(*ast.Ident); !ok || name { // a constant is seen where it is declared
				return true
			}
			text, whole := known.spelled(file.Name.Name, e)
			switch {
			case !whole: // the literals of a sum with something unknown are looked at alone
			case strings.HasPrefix(text, "-- ") && len(text) > 3:
				found = append(found, query{files.Position(e.Pos()).String(), text})
			case strings.HasPrefix(text, "CREATE TABLE ") && strings.Contains(text, "("):
				tables = append(tables, text)
			}
			return !whole
		})
	}
	return found, tables
}

func parseAll(t *testing.T, files *token.FileSet, root string) (parsed []*ast.File) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		parsed = append(parsed, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// constants are the values of all packages' constants, by package and name: "reports.NetSQL".
type constants map[string]ast.Expr

func (c constants) note(file *ast.File) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i < len(v.Values) {
					c[file.Name.Name+"."+name.Name] = v.Values[i]
				}
			}
		}
	}
}

// spelled is the text of a string literal, a constant or a sum of them, and whether that is all there is.
func (c constants) spelled(pkg string, e ast.Expr) (text string, whole bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.Ident:
		if v, ok := c[pkg+"."+e.Name]; ok {
			return c.spelled(pkg, v)
		}
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && c[x.Name+"."+e.Sel.Name] != nil {
			return c.spelled(x.Name, c[x.Name+"."+e.Sel.Name])
		}
	case *ast.BinaryExpr:
		left, whole := c.spelled(pkg, e.X)
		right, more := c.spelled(pkg, e.Y)
		return left + right, e.Op == token.ADD && whole && more
	case *ast.ParenExpr:
		return c.spelled(pkg, e.X)
	}
	return "", false
}
