package app

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// inspectorVersion is the inspector that the checks run with (clients/package.json).
const inspectorVersion = "2.12.0"

// welcome waits until the endpoint is open, writes the credentials, and ends the start with one real answer and what to
// paste where.
func (d *demoRun) welcome(ctx context.Context, p *program, creds credentials, note string, began time.Time) error {
	if err := p.opened(ctx); err != nil {
		return err
	}
	answer, err := d.firstAnswer(ctx, p, creds)
	if err != nil {
		return err
	}
	if creds.Tokens, err = d.tokens(ctx, creds.URL); err != nil {
		return err
	}
	if err := creds.write(stateFile(d.dir)); err != nil {
		return err
	}
	if d.CredentialsFile != "" {
		if err := creds.write(d.CredentialsFile); err != nil {
			return err
		}
	}
	d.say.line("")
	d.say.line(answer)
	d.say.line("")
	if note != "" {
		d.say.line(note)
	}
	d.say.line(fmt.Sprintf("Ready after %.1f s: %s", time.Since(began).Seconds(), creds.URL))
	d.say.line(snippets(creds, d.command("call"), d.command("demo token")))
	d.say.line("Stop with Ctrl-C; the data stays in " + d.dir)
	return nil
}

func (d *demoRun) firstAnswer(ctx context.Context, p *program, creds credentials) (string, error) {
	c, err := p.auth.Key(ctx, creds.Keys[0].Key)
	if err != nil && d.DatabaseURL != "" {
		return "", fmt.Errorf("the first key is not known to DATABASE_URL: is it the same database as DATABASE_OWNER_URL? (%w)", err)
	}
	if err != nil {
		return "", err
	}
	r, err := p.tools.Call(ctx, c, "summarize_day", nil)
	if err != nil {
		return "", err
	}
	if r.Code != "" {
		return "", fmt.Errorf("the first answer failed: %s", r.Text)
	}
	return r.Text, nil
}

// command is how a subcommand reaches this demo from where it was started.
func (d *demoRun) command(name string) string {
	command := shellWord(os.Args[0])
	if strings.Contains(os.Args[0], "/go-build") { // go run, whose program is gone afterwards
		command = "go run ./cmd/flowpos"
	}
	command += " " + name
	if d.DataDir != "" {
		command += " --data-dir " + shellWord(d.dir)
	}
	return command
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if regexp.MustCompile(`^[\w./:@%+=,-]+$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// snippets are ready to paste.
func snippets(creds credentials, call, token string) string {
	var b strings.Builder
	key := creds.Keys[0].Key
	b.WriteString("\nKeys (kept until --fresh):\n")
	for _, k := range creds.Keys {
		place := k.Business
		if place == "" {
			place = "every tenant, after set_active_tenant"
		}
		fmt.Fprintf(&b, "  %-22s %s  %s\n", k.Name, k.Key, place)
	}
	fmt.Fprintf(&b, `
By the URL alone, signing in on the page that opens (as Ana, Luis or Beto, by a button), in any client on this machine:
  claude mcp add --transport http flowpos %[1]s      then /mcp in Claude Code
  %[6]s/settings/mcp      what was let in, keys and tokens

Claude Code:
  claude mcp add --transport http flowpos %[1]s --header "Authorization: Bearer %[2]s"

Claude Desktop (claude_desktop_config.json):
  {"mcpServers": {"flowpos": {"command": "npx", "args": ["-y", "mcp-remote", "%[1]s", "--header", "Authorization:${FLOWPOS}"], "env": {"FLOWPOS": "Bearer %[2]s"}}}}

Cursor (.cursor/mcp.json):
  {"mcpServers": {"flowpos": {"url": "%[1]s", "headers": {"Authorization": "Bearer %[2]s"}}}}

Inspector:
  npx @modelcontextprotocol/inspector@%[3]s --cli %[1]s --transport http --header "Authorization: Bearer %[2]s" --method tools/list

Without any client:
  %[4]s get_top_products '{"period": "last_7_days"}'

As a person who signed in, with all of their businesses (for 24 hours; beto is a cashier):
  %[5]s --user ana@demo.flowpos.app
`, creds.URL, key, inspectorVersion, call, token, strings.TrimSuffix(creds.URL, "/mcp"))
	return b.String()
}
