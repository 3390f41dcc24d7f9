package tooltest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/tool"
)

// CheckNames reads the texts in the Go files below root (tests and fixtures aside) and checks that the tools they name exist: what an
// error, a warning or a next step tells an assistant to call must be there.
func CheckNames(t testing.TB, s *tool.Set, root string) {
	t.Helper()
	exists := map[string]bool{}
	for _, tl := range s.Tools() {
		exists[tl.Name] = true
	}
	found, err := nameFaults(exists, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range found {
		t.Error(fault)
	}
}

func nameFaults(exists map[string]bool, root string) ([]string, error) {
	var f findings
	texts := 0
	err := eachText(root, func(at, text string) {
		texts++
		f.mentions(exists, at, text)
	})
	if err == nil && texts == 0 {
		err = fmt.Errorf("no text below %s", root)
	}
	return f.all, err
}

// eachText calls fn with every string literal that is not SQL, a struct tag or an import.
func eachText(root string, fn func(at, text string)) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (d.Name() == "fixtures" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				return n.Tag == nil
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && !isSQL(text) {
					fn(files.Position(n.Pos()).String(), text)
				}
			}
			return true
		})
		return nil
	})
}

func isSQL(text string) bool {
	return strings.HasPrefix(text, "-- ") || strings.Contains(text, "SELECT ") || strings.Contains(text, "\n  ")
}
