package verdict

import (
	"regexp"
	"strings"
)

// innerWords are words that only our code, PostgreSQL, Redis or the machine would use, in small letters, each with the form that
// it must have where the letters alone could be anybody's. One expression for all of them took a third of what the tests of
// several instances cost.
var innerWords = []struct {
	letters string
	form    *regexp.Regexp
}{
	{"sqlstate", nil}, {"select", regexp.MustCompile(`\bselect\s`)}, {"pgx", regexp.MustCompile(`\bpgx`)}, {"pgconn", nil}, {"postgres", nil}, {".s.pgsql", nil},
	{"redis", nil}, {"flowpos_app", nil}, {"flowpos_owner", nil},
	{"goroutine", regexp.MustCompile(`goroutine \d`)}, {"runtime/debug", nil}, {".go:", regexp.MustCompile(`\.go:\d`)}, {"panic", nil},
	{"context ", regexp.MustCompile(`context (canceled|deadline)`)}, {"eof", regexp.MustCompile(`\beof\b`)},
	{"/tmp/", nil}, {"/dev/shm/", nil}, {"dial", regexp.MustCompile(`\bdial\b`)}, {"127.0.0.1", nil},
}

// Inside is a word of the inside that an answer shows, or empty.
func Inside(answer string) string {
	answer = strings.ToLower(answer)
	for _, w := range innerWords {
		if !strings.Contains(answer, w.letters) {
			continue
		}
		if w.form == nil {
			return w.letters
		}
		if found := w.form.FindString(answer); found != "" {
			return found
		}
	}
	return ""
}
