package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// health is what /health says.
type health struct {
	Status, Version, Database, Redis string
}

func (h health) redis() string {
	if h.Redis == "" {
		return "unknown"
	}
	return h.Redis
}

// health is point 6.
func (v *visit) health(ctx context.Context) (string, error) {
	for _, path := range []string{"/health/live", "/health/ready", "/health"} {
		a, err := v.ask(ctx, request{method: "GET", path: path})
		if err != nil {
			return "", err
		}
		var h health
		notJSON := json.Unmarshal(a.body, &h)
		switch {
		case a.status == http.StatusServiceUnavailable && h.Database == "old":
			return "", fails("run flowpos migrate with DATABASE_OWNER_URL", "%s answers 503: the schema is older than the program needs", path)
		case a.status == http.StatusServiceUnavailable && h.Database == "down":
			return "", fails("check DATABASE_URL and the way to PostgreSQL", "%s answers 503: the database does not answer", path)
		case a.status != http.StatusOK || notJSON != nil || h.Status != "ok":
			return "", fails("read the server's log", "%s answers %s", path, a.says())
		}
		v.state = h
	}
	if v.state.Redis == "down" {
		return "", fails("check REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and the VPC connector or egress", "serves, but Redis is down")
	}
	return fmt.Sprintf("ok, version %.40s, database %.10s, redis %.10s", v.state.Version, v.state.Database, v.state.Redis), nil
}

// Closings are everywhere within 5 s; an instance that was not reached by these requests was not asked.
const (
	closedWithin = 5 * time.Second
	closedAsks   = 10
	closedPause  = 250 * time.Millisecond
)

// closedEverywhere is point 7: requests on connections of their own, without cookies, find the closed session nowhere.
func (v *visit) closedEverywhere(ctx context.Context) (string, error) {
	if len(v.credentials()) == 0 {
		return "", v.needsCredential()
	}
	since, asked, closed := time.Now(), 0, 0
	for i := range v.opened {
		s := v.opened[i]
		if !s.closed {
			continue
		}
		closed++
		for n := 0; n < closedAsks; {
			a, err := v.ask(ctx, request{"POST", "/mcp", s.credential, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
				[]string{headerSession, s.id, headerProtocol, protocolOlder}})
			if err != nil {
				return "", err
			}
			asked++
			if a.status == http.StatusNotFound {
				n++
				continue
			}
			if time.Since(since) > closedWithin || a.status != http.StatusOK {
				return "", fails("see that all instances have the same DATABASE_URL and, where people sign in, the same Redis",
					"the closed session of the %s is answered with %s", s.who, a.says())
			}
			n = 0
			select {
			case <-ctx.Done():
			case <-time.After(closedPause):
			}
		}
	}
	if closed == 0 {
		return "", lacks("no session was closed")
	}
	return fmt.Sprintf("404 to %d requests on connections of their own", asked), nil
}

// older is point 8: a whole conversation with a session, which another credential cannot enter.
func (v *visit) older(ctx context.Context) (string, error) {
	var out []string
	all := v.credentials()
	for _, c := range all {
		_, a, err := v.call(ctx, c.credential, "initialize", initializeParams)
		if err != nil {
			return "", err
		}
		in := []string{headerSession, a.header.Get(headerSession), headerProtocol, protocolOlder}
		if a.status != http.StatusOK || in[1] == "" {
			return "", fails(refusedFix(a.status), "initialize with the %s answers %s", c.who, a.says())
		}
		said, err := v.converse(ctx, c, "", in, in)
		for _, other := range all {
			if err == nil && other.credential != c.credential {
				err = v.shut(ctx, other, c.who, in)
			}
		}
		if _, closeErr := v.ask(ctx, request{method: "DELETE", path: "/mcp", credential: c.credential, headers: in}); err == nil {
			err = closeErr
		}
		if err != nil {
			return "", err
		}
		out = append(out, said)
	}
	if out == nil {
		return "", v.needsCredential()
	}
	return strings.Join(out, "; "), nil
}

// shut sees that a session does not exist for another credential.
func (v *visit) shut(ctx context.Context, other opened, whose string, headers []string) error {
	_, a, err := v.call(ctx, other.credential, "tools/list", "{}", headers...)
	if err == nil && a.status != http.StatusNotFound {
		return fails("do not send traffic to this revision", "the %s may enter a session of the %s: %s", other.who, whose, a.says())
	}
	return err
}

// converse lists the tools and calls one that every credential may use. meta is a member of the params, or empty.
func (v *visit) converse(ctx context.Context, c opened, meta string, list, call []string) (string, error) {
	result, a, err := v.call(ctx, c.credential, "tools/list", "{"+meta+"}", list...)
	if err != nil {
		return "", err
	}
	var tools struct{ Tools []json.RawMessage }
	if json.Unmarshal(result, &tools) != nil || len(tools.Tools) == 0 {
		return "", fails(refusedFix(a.status), "tools/list with the %s answers %s", c.who, a.says())
	}
	params := []string{`"name":"whoami","arguments":{}`}
	if meta != "" {
		params = append(params, meta)
	}
	result, a, err = v.call(ctx, c.credential, "tools/call", "{"+strings.Join(params, ",")+"}", call...)
	if err != nil {
		return "", err
	}
	var called struct {
		IsError bool
		Content []json.RawMessage
	}
	if json.Unmarshal(result, &called) != nil || called.IsError || len(called.Content) == 0 {
		return "", fails(refusedFix(a.status), "whoami with the %s answers %s", c.who, a.says())
	}
	return fmt.Sprintf("%d tools and whoami, with the %s", len(tools.Tools), c.who), nil
}

// newer is point 9.
func (v *visit) newer(ctx context.Context) (string, error) {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + protocolNewer +
		`","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"flowpos-verify","version":"1"}}`
	headers := func(method string, more ...string) []string {
		return append([]string{headerProtocol, protocolNewer, "Mcp-Method", method}, more...)
	}
	var out []string
	for _, c := range v.credentials() {
		result, a, err := v.call(ctx, c.credential, "server/discover", "{"+meta+"}", headers("server/discover")...)
		if err != nil {
			return "", err
		}
		if !strings.Contains(string(result), `"`+protocolNewer+`"`) {
			return "", fails(refusedFix(a.status), "server/discover with the %s answers %s", c.who, a.says())
		}
		if !strings.Contains(string(result), `"cacheScope":"private"`) {
			return "", fails("do not send traffic to this revision", "server/discover does not say that its answer is private")
		}
		said, err := v.converse(ctx, c, meta, headers("tools/list"), headers("tools/call", "Mcp-Name", "whoami"))
		if err != nil {
			return "", err
		}
		out = append(out, said)
	}
	if out == nil {
		return "", v.needsCredential()
	}
	return strings.Join(out, "; "), nil
}
