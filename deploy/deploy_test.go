// Package deploy holds what a deployment needs; its tests run the scripts with --dry-run and with programs that stand in for
// gcloud, and hold the description of the service against the deployment document.
package deploy

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew; read the difference before you commit it")

// settings are those of deploy/env in the tests.
func settings(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "DEPLOY_ENV=/dev/null/none", "PROJECT=YOUR_PROJECT", "PROJECT_NUMBER=123456789012", "TAG=v1",
		"SERVICE_ACCOUNT=YOUR_SA@YOUR_PROJECT.iam.gserviceaccount.com", "REDIS_HOST=10.0.0.3", "VPC_CONNECTOR=YOUR_VPC_CONNECTOR", "FLOWPOS=flowpos"}, more...)
}

// script runs one and returns what it printed and its status.
func script(t *testing.T, env []string, name string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{name}, args...)...)
	cmd.Env = env
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

// Every script says with --dry-run what it would do, and does nothing: the programs that it would use are not there.
func TestDryRuns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		args   []string
		env    []string
	}{
		"deploy":         {"deploy.sh", nil, nil},
		"deploy-pages":   {"deploy.sh", nil, []string{"FIREBASE_API_KEY=AIza", "FIREBASE_AUTH_DOMAIN=your-project.firebaseapp.com"}},
		"deploy-tls":     {"deploy.sh", nil, []string{"REDIS_TLS=yes"}},
		"secrets-tls":    {"secrets.sh", nil, []string{"REDIS_TLS=yes"}},
		"deploy-v1":      {"deploy.sh", nil, []string{"REDIS_HOST=", "VPC_CONNECTOR="}},
		"deploy-direct":  {"deploy.sh", []string{"--no-promote"}, []string{"VPC_CONNECTOR=", "NETWORK=default", "SUBNET=default", "PUBLIC_URL=https://mcp.example.com", "CLOUD_SQL=p:r:i"}},
		"deploy-rotate":  {"deploy.sh", nil, []string{"TOKEN_SECRET_VERSION=2", "TOKEN_SECRET_PREVIOUS_VERSION=1"}},
		"secrets":        {"secrets.sh", nil, nil},
		"secrets-v1":     {"secrets.sh", nil, []string{"REDIS_HOST="}},
		"secrets-add":    {"secrets.sh", []string{"add", "MCP_TOKEN_SECRET"}, nil},
		"image":          {"image.sh", nil, nil},
		"migrate":        {"migrate.sh", nil, nil},
		"migrate-direct": {"migrate.sh", nil, []string{"VPC_CONNECTOR=", "NETWORK=default", "SUBNET=default", "CLOUD_SQL=p:r:i"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, status := script(t, settings(append(tt.env, "PATH="+standIns(t, map[string]string{"gcloud": "exit 99", "go": "exit 99", "curl": "exit 99", "flowpos": "exit 99"}))...),
				tt.script, append(tt.args, "--dry-run")...)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" || status != 0 {
				t.Errorf("status %d (-want +got):\n%s", status, diff)
			}
		})
	}
}

func TestScriptsRefuse(t *testing.T) {
	t.Parallel()
	for says, tt := range map[string]struct {
		script string
		env    []string
		arg    string
	}{
		"unknown argument --dryrun":               {"deploy.sh", nil, "--dryrun"},
		"copy deploy/env.example":                 {"migrate.sh", []string{"PROJECT="}, "--dry-run"},
		"set VPC_CONNECTOR, or NETWORK":           {"deploy.sh", []string{"VPC_CONNECTOR="}, "--dry-run"},
		"or NETWORK and SUBNET, not both":         {"migrate.sh", []string{"NETWORK=default"}, "--dry-run"},
		"has Redis without TLS":                   {"deploy.sh", []string{"REDIS_TLS=yes"}, "--print-service"},
		"Cloud Run's description has a connector": {"deploy.sh", []string{"VPC_CONNECTOR=", "NETWORK=a", "SUBNET=b"}, "--print-service"},
	} {
		if out, status := script(t, settings(tt.env...), tt.script, tt.arg); status == 0 || !strings.Contains(out, says) {
			t.Errorf("%s %s: status %d, %s", tt.script, tt.arg, status, out)
		}
	}
	for _, name := range []string{"deploy.sh", "secrets.sh", "image.sh", "migrate.sh"} {
		if out, status := script(t, []string{"PATH=" + os.Getenv("PATH")}, name, "--help"); status != 0 || !strings.Contains(out, "deploy/"+name+" [--dry-run]") {
			t.Errorf("%s --help: status %d, %s", name, status, out)
		}
	}
}

// The example of the settings can be filled in as it stands.
func TestExampleOfTheSettings(t *testing.T) {
	t.Parallel()
	env := []string{"PATH=" + os.Getenv("PATH"), "DEPLOY_ENV=env.example", "PROJECT_NUMBER=1", "TAG=v1", "FLOWPOS=flowpos"}
	for _, name := range []string{"deploy.sh", "secrets.sh", "image.sh", "migrate.sh"} {
		if out, status := script(t, env, name, "--dry-run"); status != 0 || !strings.Contains(out, "your-project") {
			t.Errorf("%s: status %d, %s", name, status, out)
		}
	}
}

// standIns puts scripts in front of PATH that note how they were called, and do what is given.
func standIns(t *testing.T, programs map[string]string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, does := range programs {
		text := "#!/bin/sh\necho \"" + name + " $*\" >>" + dir + "/calls\n" + does + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + os.Getenv("PATH")
}

// calls are what the stand-ins noted, the first words of each.
func calls(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(strings.Split(path, ":")[0], "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// Traffic goes to a candidate that passed, and to no other.
func TestTrafficFollowsTheChecklist(t *testing.T) {
	t.Parallel()
	const there = `case "$*" in *"services list"*) echo flowpos-backend;; esac`
	for name, tt := range map[string]struct {
		programs map[string]string
		args     []string
		status   int
		promoted bool
		aside    bool
		calls    int
	}{
		"passes":                {map[string]string{"gcloud": there, "curl": "exit 0", "flowpos": "exit 0"}, nil, 0, true, true, 6},
		"not healthy":           {map[string]string{"gcloud": there, "curl": "exit 22", "flowpos": "exit 0"}, nil, 22, false, true, 3},
		"checklist fails":       {map[string]string{"gcloud": there, "curl": "exit 0", "flowpos": "exit 1"}, nil, 1, false, true, 4},
		"not to be promoted":    {map[string]string{"gcloud": there, "curl": "exit 0", "flowpos": "exit 0"}, []string{"--no-promote"}, 0, false, true, 4},
		"the first":             {map[string]string{"gcloud": "exit 0", "curl": "exit 0", "flowpos": "exit 0"}, nil, 0, true, false, 6},
		"nobody knows":          {map[string]string{"gcloud": "exit 1", "curl": "exit 0", "flowpos": "exit 0"}, nil, 1, false, false, 1},
		"deployment is refused": {map[string]string{"gcloud": there + "\ncase \"$*\" in *deploy*) exit 1;; esac", "curl": "exit 0", "flowpos": "exit 0"}, nil, 1, false, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := standIns(t, tt.programs)
			out, status := script(t, settings("PATH="+path), "deploy.sh", tt.args...)
			got := calls(t, path)
			has := func(words string) bool {
				return slices.ContainsFunc(got, func(c string) bool { return strings.Contains(c, words) })
			}
			if status != tt.status || len(got) != tt.calls || has("update-traffic flowpos-backend") != tt.promoted || has("--no-traffic --tag candidate") != tt.aside {
				t.Errorf("status %d, %d calls:\n%s\n%s", status, len(got), strings.Join(got, "\n"), out)
			}
			if tt.promoted && strings.Join(got[len(got)-3:], "\n") != "flowpos verify https://candidate---flowpos-backend-123456789012.us-central1.run.app --public-url https://flowpos-backend-123456789012.us-central1.run.app\n"+
				"gcloud run services update-traffic flowpos-backend --project YOUR_PROJECT --region us-central1 --to-tags candidate=100\n"+
				"flowpos verify https://flowpos-backend-123456789012.us-central1.run.app" {
				t.Errorf("the order: %s", strings.Join(got, "\n"))
			}
		})
	}
}

// Secrets travel on standard input and stand in no command line; one that is there stays as it is.
func TestSecretsStayOutOfCommandLines(t *testing.T) {
	t.Parallel()
	path := standIns(t, map[string]string{"gcloud": `
case "$*" in
*"describe REDIS_PASSWORD"*) exit 0;;
*describe*) exit 1;;
*create*) cat >"$(dirname "$0")/$3"; echo >>"$(dirname "$0")/$3";;
esac`})
	env := settings("PATH="+path, "REDIS_PASSWORD=canary-1", "DATABASE_URL=postgres://flowpos_app:canary-2@h/db", "DATABASE_OWNER_URL=postgres://flowpos_owner:canary-3@h/db")
	out, status := script(t, env, "secrets.sh")
	got := strings.Join(calls(t, path), "\n")
	if status != 0 || strings.Contains(got+out, "canary") || strings.Contains(got, "create REDIS_PASSWORD") || strings.Count(got, " create ") != 3 || strings.Count(got, "add-iam-policy-binding") != 4 {
		t.Errorf("status %d: %s\n%s", status, out, got)
	}
	if !strings.Contains(got, "binding DATABASE_OWNER_URL --project YOUR_PROJECT --member=serviceAccount:flowpos-migrate@") || strings.Count(got, "member=serviceAccount:YOUR_SA@") != 3 {
		t.Errorf("who may read: %s", got)
	}
	dir := strings.Split(path, ":")[0]
	for name, want := range map[string]string{"DATABASE_URL": "postgres://flowpos_app:canary-2@h/db\n", "DATABASE_OWNER_URL": "postgres://flowpos_owner:canary-3@h/db\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "MCP_TOKEN_SECRET")); err != nil || len(b) != 65 || len(strings.Trim(string(b), "0123456789abcdef\n")) > 0 {
		t.Errorf("MCP_TOKEN_SECRET has %d characters, %v", len(b), err)
	}
}
