package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The five points of the deployment document.

const publicFix = "set PUBLIC_URL to where clients reach the server; for a tagged revision give --public-url"

// discovery is point 1: both documents, at the root and beside the endpoint, readable by every page.
func (v *visit) discovery(ctx context.Context) (string, error) {
	for _, path := range []string{
		"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp",
		"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp",
	} {
		a, err := v.ask(ctx, request{method: "GET", path: path, headers: []string{"Origin", "https://page.example"}})
		if err != nil {
			return "", err
		}
		doc := a.object()
		if a.status != http.StatusOK || doc == nil {
			return "", fails("see that the image is this program and nothing in front of it takes /.well-known", "%s answers %s", path, a.says())
		}
		member, want := "issuer", v.o.PublicURL
		if strings.Contains(path, "protected-resource") {
			member, want = "resource", v.o.PublicURL+"/mcp"
		}
		if got, _ := doc[member].(string); got != want {
			return "", fails(publicFix, "%s of %s is %.100q, not %q", member, path, got, want)
		}
		if a.header.Get("Access-Control-Allow-Origin") != "*" {
			return "", fails("see what in front of the server takes headers away", "%s may not be read by pages of other origins (CORS)", path)
		}
	}
	return "both, at the root and for /mcp; they name " + v.o.PublicURL, nil
}

// exchange is point 2. The token that it gets is what the other points use.
func (v *visit) exchange(ctx context.Context) (string, error) {
	if v.o.IDToken == "" {
		return "", lacks("needs --id-token")
	}
	a, err := v.ask(ctx, request{method: "POST", path: "/mcp/token", credential: v.o.IDToken, body: "{}"})
	if err != nil {
		return "", err
	}
	switch a.status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return "", fails("set what the sentence names; MCP_TOKEN_SECRET, FIREBASE_PROJECT_ID and Redis are needed", "%s", a.says())
	case http.StatusUnauthorized:
		return "", fails("take a fresh ID token (they live an hour) of the project in FIREBASE_PROJECT_ID", "%s", a.says())
	case http.StatusForbidden:
		return "", fails("sign in as somebody with an active membership of a business", "%s", a.says())
	default:
		return "", fails("read the server's log", "%s", a.says())
	}
	var t struct {
		AccessToken string  `json:"accessToken"`
		ExpiresIn   float64 `json:"expiresIn"`
	}
	err = json.Unmarshal(a.body, &t)
	v.secret(t.AccessToken)
	if err != nil || t.AccessToken == "" || t.ExpiresIn <= 0 {
		return "", fails("see that the image is this program", "the answer lacks accessToken or expiresIn")
	}
	v.token = t.AccessToken
	if cc := a.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
		return "", fails("see what in front of the server changes headers", "the answer with the token may be cached: Cache-Control is %.40q", cc)
	}
	return fmt.Sprintf("accessToken, expiresIn %.0f", t.ExpiresIn), nil
}

const initializeParams = `{"protocolVersion":"` + protocolOlder + `","capabilities":{},"clientInfo":{"name":"flowpos-verify","version":"1"}}`

// initialize is point 3, with every credential there is.
func (v *visit) initialize(ctx context.Context) (string, error) {
	var whos []string
	for _, c := range v.credentials() {
		_, a, err := v.call(ctx, c.credential, "initialize", initializeParams)
		if err != nil {
			return "", err
		}
		if a.status != http.StatusOK {
			return "", fails(refusedFix(a.status), "initialize with the %s answers %s", c.who, a.says())
		}
		if c.id = a.header.Get(headerSession); c.id == "" {
			return "", fails("see what in front of the server takes headers away", "initialize with the %s answers without mcp-session-id", c.who)
		}
		v.opened = append(v.opened, c)
		whos = append(whos, c.who)
	}
	if whos == nil {
		return "", v.needsCredential()
	}
	return "mcp-session-id, with the " + strings.Join(whos, " and the "), nil
}

func refusedFix(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "see that the credential is in force and belongs to this server"
	case http.StatusMisdirectedRequest:
		return "put this host into ALLOWED_HOSTS"
	case http.StatusServiceUnavailable:
		return "try again; if it stays so, look at /health and the log"
	}
	return "read the server's log"
}

// redis is point 5. It comes before the session is closed.
func (v *visit) redis(ctx context.Context) (string, error) {
	s := v.session("access token")
	switch {
	case v.o.IDToken == "":
		return "", lacks("needs --id-token, and --redis where Redis can be reached")
	case v.o.Keys == nil:
		return "", lacks("needs --redis, from where Redis can be reached; /health says that it is %s", v.state.redis())
	case s == nil:
		return "", lacks("no session of a person was opened")
	}
	ttl, err := v.o.Keys.TTL(ctx, "mcp:session:"+s.id)
	switch {
	case err != nil:
		return "", fails("run this where Redis can be reached, such as a job in its VPC", "Redis cannot be asked: %s", err)
	case ttl == 0:
		return "", fails("see that the server's REDIS_HOST is this Redis; /health says how it finds it", "there is no key mcp:session:{sessionId}")
	case ttl < 0:
		return "", fails("see which program writes to this Redis", "mcp:session:{sessionId} has no end")
	}
	return fmt.Sprintf("mcp:session:{sessionId}, TTL %s", ttl.Round(time.Second)), nil
}

// close is point 4.
func (v *visit) close(ctx context.Context) (string, error) {
	if len(v.credentials()) == 0 {
		return "", v.needsCredential()
	}
	if len(v.opened) == 0 {
		return "", lacks("no session was opened")
	}
	status := 0
	for i := range v.opened {
		s := &v.opened[i]
		a, err := v.ask(ctx, request{method: "DELETE", path: "/mcp", credential: s.credential, headers: []string{headerSession, s.id}})
		if err != nil {
			return "", err
		}
		if a.status/100 != 2 {
			return "", fails(refusedFix(a.status), "DELETE with the %s answers %s", s.who, a.says())
		}
		s.closed, status = true, a.status
	}
	if s := v.session("access token"); s != nil && v.o.Keys != nil {
		if ttl, err := v.o.Keys.TTL(ctx, "mcp:session:"+s.id); err == nil && ttl != 0 {
			return "", fails("see that the server's REDIS_HOST is this Redis", "after the DELETE the session's key is still in Redis")
		}
	}
	return fmt.Sprintf("DELETE answers %d", status), nil
}

// session is the one that a credential opened, or nil.
func (v *visit) session(who string) *opened {
	for i := range v.opened {
		if v.opened[i].who == who {
			return &v.opened[i]
		}
	}
	return nil
}
