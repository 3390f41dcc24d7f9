package web

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/url"
)

// connectPage is how each assistant is given the URL.
type connectPage struct {
	URL       string
	Claude    string
	ChatGPT   string
	Command   string // of Claude Code
	Cursor    template.URL
	VSCode    template.URL
	Inspector string
}

func connectTo(mcp string) connectPage {
	return connectPage{
		URL:       mcp,
		Claude:    "https://claude.ai/settings/connectors",
		ChatGPT:   "https://chatgpt.com/#settings/Connectors",
		Command:   "claude mcp add --transport http flowpos " + mcp,
		Cursor:    template.URL("cursor://anysphere.cursor-deeplink/mcp/install?name=flowpos&config=" + url.QueryEscape(base64.StdEncoding.EncodeToString(jsonOf(map[string]string{"url": mcp})))),
		VSCode:    template.URL("vscode:mcp/install?" + url.PathEscape(string(jsonOf(map[string]string{"name": "flowpos", "type": "http", "url": mcp})))),
		Inspector: "npx @modelcontextprotocol/inspector --cli " + mcp + " --transport http --method tools/list",
	}
}

func jsonOf(m map[string]string) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // of texts: cannot happen
	}
	return b
}

// claudeCommand gives Claude Code a credential with the URL.
func claudeCommand(mcp, raw string) string {
	return "claude mcp add --transport http flowpos " + mcp + ` --header "Authorization: Bearer ` + raw + `"`
}
