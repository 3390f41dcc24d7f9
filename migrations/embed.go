// Package migrations holds the schema as forward-only steps; internal/postgres applies them.
package migrations

import "embed"

// FS holds the steps, named 0001_….sql upward. A step is never edited once released: the next change is a new file,
// and the program before it must keep working on the schema after it.
//
//go:embed *.sql
var FS embed.FS
