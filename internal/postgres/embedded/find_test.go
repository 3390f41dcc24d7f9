package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeVersion reads the version from the fake program instead of running it.
func fakeVersion(dir string) (Binaries, error) {
	text, err := os.ReadFile(filepath.Join(dir, "postgres"))
	if err != nil {
		return Binaries{}, err
	}
	return parseVersion(dir, string(text))
}

// fake puts a PostgreSQL into dir.
func fake(t *testing.T, dir, version string) {
	t.Helper()
	write(t, filepath.Join(dir, "postgres"), "postgres (PostgreSQL) "+version+" (Debian)\n")
	write(t, filepath.Join(dir, "initdb"), "")
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	for dir, version := range map[string]string{
		"lib/9.6/bin": "9.6.24", "lib/15/bin": "15.9", "lib/16a/bin": "16.9", "lib/16b/bin": "16.10", "lib/14/bin": "14.2",
		"beta/18/bin": "18beta1", "cellar/17/bin": "17.2", "old/14/bin": "14.9", "old/9/bin": "9.6.1",
	} {
		fake(t, at(dir), version)
	}
	write(t, at("half/99/bin/postgres"), "postgres (PostgreSQL) 99.1\n") // without initdb
	if err := os.MkdirAll(at("links"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../cellar/17/bin/postgres", at("links/postgres")); err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		env     map[string]string
		folders []string
		want    string // the folder, or
		wantErr []string
	}{
		"highest by number":                  {folders: []string{"lib/*/bin"}, want: "lib/16b/bin"},
		"over all patterns":                  {folders: []string{"lib/*/bin", "beta/*/bin"}, want: "beta/18/bin"},
		"without initdb it does not count":   {folders: []string{"half/*/bin", "lib/15/bin"}, want: "lib/15/bin"},
		"PATH first, links resolved":         {env: map[string]string{"PATH": at("nothing") + ":" + at("links")}, folders: []string{"beta/*/bin"}, want: "cellar/17/bin"},
		"PATH too old, folders then":         {env: map[string]string{"PATH": at("old/14/bin")}, folders: []string{"lib/15/bin"}, want: "lib/15/bin"},
		"FLOWPOS_PG_BIN before PATH":         {env: map[string]string{"FLOWPOS_PG_BIN": at("lib/15/bin"), "PATH": at("links")}, want: "lib/15/bin"},
		"FLOWPOS_PG_BIN without bin":         {env: map[string]string{"FLOWPOS_PG_BIN": at("lib/15")}, want: "lib/15/bin"},
		"FLOWPOS_PG_BIN too old":             {env: map[string]string{"FLOWPOS_PG_BIN": at("old/14/bin"), "PATH": at("links")}, wantErr: []string{"FLOWPOS_PG_BIN", "14.9 is too old", "15"}},
		"FLOWPOS_PG_BIN empty of PostgreSQL": {env: map[string]string{"FLOWPOS_PG_BIN": at("nothing"), "PATH": at("links")}, wantErr: []string{"FLOWPOS_PG_BIN", "no postgres and initdb"}},
		"only too old ones":                  {folders: []string{"old/*/bin"}, wantErr: []string{"14.9 in " + at("old/14/bin") + " is too old", "9.6 in", "15 or newer"}},
		"none":                               {folders: []string{"nothing/*"}, wantErr: []string{"apt install postgresql", "dnf install postgresql-server", "brew install postgresql@17", "FLOWPOS_PG_BIN", "flowpos demo --fetch-postgres", "npm"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var folders []string
			for _, f := range c.folders {
				folders = append(folders, at(f))
			}
			got, err := finder{getenv: func(name string) string { return c.env[name] }, folders: folders, version: fakeVersion}.find()
			if len(c.wantErr) == 0 {
				if err != nil || got.Dir != at(c.want) {
					t.Errorf("found %q, %v; want %q", got.Dir, err, at(c.want))
				}
				return
			}
			if err == nil {
				t.Fatalf("found %+v, want an error", got)
			}
			for _, part := range c.wantErr {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Binaries{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {Dir: "/d", Version: "15.18", Major: 15, minor: 18},
		"postgres (PostgreSQL) 17.2 (Homebrew)\n":                {Dir: "/d", Version: "17.2", Major: 17, minor: 2},
		"postgres (PostgreSQL) 18beta1\n":                        {Dir: "/d", Version: "18", Major: 18},
	} {
		got, err := parseVersion("/d", line)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Binaries{})); diff != "" || err != nil {
			t.Errorf("parseVersion(%q) %v (-want +got):\n%s", line, err, diff)
		}
	}
	if got, err := parseVersion("/d", "command not found"); err == nil {
		t.Errorf("parseVersion = %+v, want an error", got)
	}
}
