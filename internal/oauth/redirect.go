package oauth

import (
	"net/url"
	"slices"
	"strings"
)

const maxRedirect = 2000 // bytes

// parseRedirect reads a redirect URI in the only form that everybody reads alike: absolute, of plain characters, without a
// user or a fragment (RFC 6749, 3.1.2), and with nothing in its path that means another path.
func parseRedirect(s string) (*url.URL, bool) {
	if len(s) > maxRedirect || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\#*"<>^{}|`+"`", r) }) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.User != nil || u.Opaque != "" || u.String() != s {
		return nil, false
	}
	for part := range strings.SplitSeq(u.Path, "/") { // decoded: %2e%2e is .. too
		if part == "." || part == ".." {
			return nil, false
		}
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return nil, false
	}
	for name := range u.Query() { // ours come there
		if slices.Contains([]string{"code", "state", "iss", "error", "error_description"}, name) {
			return nil, false
		}
	}
	return u, true
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// matches says whether an asked redirect URI is a registered one: the same, character by character (RFC 9700, 2.1), but for
// the port of a loopback address, which a program on the person's device learns too late (RFC 8252, 7.3).
func matches(registered []string, asked string) bool {
	if slices.Contains(registered, asked) {
		return true
	}
	a, ok := parseRedirect(asked)
	if !ok || a.Scheme != "http" || !isLoopback(a.Hostname()) {
		return false
	}
	return slices.ContainsFunc(registered, func(r string) bool {
		u, ok := parseRedirect(r)
		return ok && u.Scheme == "http" && u.Hostname() == a.Hostname() && u.EscapedPath() == a.EscapedPath() && u.RawQuery == a.RawQuery
	})
}

// answerAt is a redirect URI with the members of an answer. It always names who answers (RFC 9207), so that a client with
// several servers is not talked into taking one's code to another.
func (s *Server) answerAt(redirect, state string, members ...string) string {
	u, _ := url.Parse(redirect) // was parsed before
	q := u.Query()
	for i := 0; i+1 < len(members); i += 2 {
		q.Set(members[i], members[i+1])
	}
	q.Set("iss", s.o.Issuer)
	if state != "" {
		q.Set("state", state)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
