package mcphttp

import (
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// A list is as wide as the request or its grant asks for, in both eras, whatever the same credential has asked before.
func TestToolsets(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	ana := d.callers["ana"]
	ana.Memo = new(pos.Memo) // as a credential that was read from the database
	granted := ana
	granted.Credential, granted.Memo, granted.Toolsets = "grant:1", new(pos.Memo), pos.ToolsetStock
	d.callers["ana"], d.callers["granted"] = ana, granted
	in := start(t, setup{door: d})
	for _, tt := range []struct {
		name, key, path string
		headers         []string
		wide            bool
	}{
		{"nothing asked for", "ana", "", nil, false},
		{"in the URL", "ana", "?toolsets=stock", nil, true},
		{"in the header", "ana", "", []string{headerToolsets, "stock"}, true},
		{"in the header, as the catalogue writes it", "ana", "", []string{"X-MCP-Toolsets", "Reports, ALL"}, true},
		{"another one", "ana", "?toolsets=sales", nil, false},
		{"twice in the URL", "ana", "?toolsets=sales&toolsets=stock", nil, true},
		{"an empty one", "ana", "?toolsets=", nil, false},
		{"half in the URL", "ana", "?toolsets=sales", []string{headerToolsets, "stock"}, true},
		{"readonly", "ana", "/readonly?toolsets=all", nil, true},
		{"of the grant", "granted", "", nil, true},
		{"of the grant, and another", "granted", "?toolsets=sales", nil, true},
		{"somebody else's parameters", "ana", "?utm=%zz&x=1", nil, false},
		{"nothing asked for again", "ana", "", nil, false},
	} {
		url := in.url + tt.path
		id := begin(t, url, tt.key, "2025-11-25")
		for _, headers := range [][]string{{headerSession, id}, nil, newerHeaders("tools/list", "")[1:]} {
			body := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
			if len(headers) > 2 {
				body = newerBody("tools/list", `"x":1`)
			}
			a := send(t, "POST", url, tt.key, body, append(headers, tt.headers...)...)
			if a.status != 200 || !strings.Contains(a.body, `"say_hello"`) || strings.Contains(a.body, `"get_inventory"`) != tt.wide {
				t.Errorf("%s, %v: %d, want the wide list: %t; %s", tt.name, headers, a.status, tt.wide, a.body)
			}
		}
		told := send(t, "POST", url, tt.key, newerBody("server/discover", `"x":1`), append(newerHeaders("server/discover", "")[1:], tt.headers...)...)
		if told.status != 200 || strings.Contains(told.body, "get_inventory") != tt.wide {
			t.Errorf("%s: told of the wide list: %s", tt.name, told.body)
		}
		if a := send(t, "POST", url, tt.key, callBody(1, "get_inventory"), append(tt.headers, headerSession, id)...); !strings.Contains(a.body, "three") {
			t.Errorf("%s: the call: %s", tt.name, a.body)
		}
	}
	id := begin(t, in.url, "ana", "2025-11-25")
	if a := send(t, "POST", in.url+"?toolsets=all", "ana", callBody(1, "say_hello"), headerSession, id); !strings.Contains(a.body, "hello") {
		t.Errorf("a session that was begun without: %s", a.body)
	}
}
