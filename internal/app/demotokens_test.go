package app

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkTokens signs the people of a running demo in: as the credentials file has it, and with flowpos demo token.
func checkTokens(t *testing.T, dir string, creds credentials) {
	t.Helper()
	var users []string
	for _, token := range creds.Tokens {
		users = append(users, token.User)
	}
	if want := []string{"ana@demo.flowpos.app", "luis@demo.flowpos.app", "beto@demo.flowpos.app"}; !slices.Equal(users, want) {
		t.Fatalf("tokens of %v, want of %v", users, want)
	}
	run := func(args ...string) string {
		t.Helper()
		var errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "flowpos", append(args, "--data-dir", dir)...)
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || errs.Len() > 0 {
			t.Errorf("flowpos %v: %v, %s\n%s", args, err, &errs, out)
		}
		return string(out)
	}
	printed := strings.TrimSpace(run("demo", "token", "--user", "LUIS@demo.flowpos.app"))
	if !regexp.MustCompile(`^eyJ[\w-]+\.[\w-]+\.[\w-]+$`).MatchString(printed) || strings.Contains(run("demo", "token"), printed) {
		t.Errorf("printed: %q", printed)
	}
	for key, want := range map[string][]string{
		users[0]:              {"Ana ", "v2_oauth", "Tienda La Ceiba", "Comedor Doña Marta", "Taller Digital"},
		creds.Tokens[2].Token: {"Beto ", "v2_oauth", "Tienda La Ceiba (retail; rol cashier"},
		printed:               {"Luis ", "v2_oauth", "Ferretería El Roble"},
	} {
		out := run("call", "whoami", "--key", key)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q is missing in: %s", w, out)
			}
		}
		if strings.Contains(out, "Ferretería") != (key == printed) {
			t.Errorf("somebody else's business: %s", out)
		}
	}
	if s := flowposFails(t, "demo", "token", "--data-dir", dir, "--user", "eva@x"); !strings.Contains(s, `the demo has nobody called "eva@x"; its people: ana@demo.flowpos.app, luis@`) {
		t.Errorf("somebody unknown: %s", s)
	}
	if s := flowposFails(t, "demo", "token", "--data-dir", t.TempDir()); !strings.Contains(s, "no demo runs here") {
		t.Errorf("without a demo: %s", s)
	}
}
