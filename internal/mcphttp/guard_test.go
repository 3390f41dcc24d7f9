package mcphttp

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	public, err := NewGuard("https://POS.example.com", []string{"alias.example.com"}, false)
	if err != nil {
		t.Fatal(err)
	}
	local, err := NewGuard("http://127.0.0.1:4000", nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		guard  *Guard
		host   string
		origin []string
		status int
	}{
		"own name":                {public, "pos.example.com", nil, 200},
		"own name with port":      {public, "Pos.Example.com:443", nil, 200},
		"alias":                   {public, "alias.example.com", nil, 200},
		"loopback name, public":   {public, "localhost:4000", nil, 421},
		"name within a name":      {public, "pos.example.com.evil.net", nil, 421},
		"name before a name":      {public, "evilpos.example.com", nil, 421},
		"no host":                 {public, "", nil, 421},
		"own origin":              {public, "pos.example.com", []string{"https://pos.example.com"}, 200},
		"origin in plain http":    {public, "pos.example.com", []string{"http://pos.example.com"}, 403},
		"null origin":             {public, "pos.example.com", []string{"null"}, 403},
		"empty origin":            {public, "pos.example.com", []string{""}, 403},
		"two origins":             {public, "pos.example.com", []string{"https://pos.example.com", "https://evil.net"}, 403},
		"origin of loopback":      {public, "pos.example.com", []string{"http://localhost:3000"}, 403},
		"local name":              {local, "localhost:4000", nil, 200},
		"local address":           {local, "127.0.0.1:4711", nil, 200},
		"local IPv6":              {local, "[::1]:4000", []string{"http://[::1]:4000"}, 200},
		"rebound name":            {local, "evil.example.com:4000", []string{"http://evil.example.com:4000"}, 421},
		"page of another machine": {local, "127.0.0.1:4000", []string{"https://evil.example.com"}, 403},
		"page with a local name":  {local, "127.0.0.1:4000", []string{"https://localhost.evil.example.com"}, 403},
	} {
		handler := tt.guard.Hosts(tt.guard.Origins(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		r := httptest.NewRequest("POST", "/mcp", nil)
		r.Host = tt.host
		r.Header["Origin"] = tt.origin
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.status)
		}
		if bad := tt.guard.check(r); (bad == nil) != (tt.status == 200) || bad != nil && bad.status != tt.status {
			t.Errorf("%s: check says %v", name, bad)
		}
	}
}
