package mcphttp

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// Guard checks where a request says it comes from (Origin) and goes to (Host), so that a web page cannot use a browser,
// or a name that it controls (DNS rebinding), to reach the server. Neither header ever decides anything else.
type Guard struct {
	origins  []string
	hosts    []string // with and without a port
	loopback bool
}

// NewGuard makes a Guard of the public URL, further allowed host names, and whether loopback names are allowed.
func NewGuard(publicURL string, allowed []string, loopback bool) (*Guard, error) {
	o, host, err := origin(publicURL)
	if err != nil {
		return nil, err
	}
	g := &Guard{origins: []string{strings.ToLower(o)}, hosts: []string{strings.ToLower(host)}, loopback: loopback}
	for _, a := range allowed {
		a = strings.ToLower(strings.TrimSpace(a))
		g.hosts = append(g.hosts, a)
		g.origins = append(g.origins, "https://"+a, "http://"+a)
	}
	return g, nil
}

// Hosts answers 421 to requests for a foreign Host and passes the others on.
func (g *Guard) Hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.hostAllowed(r.Host) {
			wrongHost().write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Origins answers 403 to requests from a foreign Origin and passes the others on, also those without one.
func (g *Guard) Origins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.originAllowed(r.Header.Values("Origin")) {
			wrongOrigin().write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Guard) check(r *http.Request) *refusal {
	switch {
	case !g.hostAllowed(r.Host):
		return wrongHost()
	case !g.originAllowed(r.Header["Origin"]):
		return wrongOrigin()
	}
	return nil
}

func wrongHost() *refusal {
	return &refusal{http.StatusMisdirectedRequest, codeRefused, "this server does not answer to that Host; its operator can add it to ALLOWED_HOSTS"}
}

func wrongOrigin() *refusal {
	return &refusal{http.StatusForbidden, codeRefused, "this Origin may not use the server"}
}

func (g *Guard) hostAllowed(host string) bool {
	host = strings.ToLower(host)
	if slices.Contains(g.hosts, host) {
		return true
	}
	name := hostname(host)
	return slices.Contains(g.hosts, name) || g.loopback && isLoopback(name)
}

func (g *Guard) originAllowed(values []string) bool {
	if len(values) == 0 {
		return true
	}
	o := strings.ToLower(values[0])
	if len(values) > 1 {
		return false
	}
	if slices.Contains(g.origins, o) {
		return true
	}
	_, host, err := origin(o)
	return g.loopback && err == nil && isLoopback(hostname(host))
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLoopback(name string) bool {
	return name == "localhost" || net.ParseIP(name).IsLoopback()
}
