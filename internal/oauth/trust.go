package oauth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Trust says which clients may ask at all: hosts of client documents and of redirects, and redirects of private schemes. A
// program on the person's own device (loopback) may always.
type Trust struct {
	hosts    []string // as in a URL, with a port where it is not 443
	prefixes []string // of redirects with a private scheme, such as cursor://anysphere.cursor-mcp/
}

// trustedAlways are the assistants that merchants use.
func trustedAlways() Trust {
	return Trust{
		hosts:    []string{"claude.ai", "claude.com", "chatgpt.com", "vscode.dev", "insiders.vscode.dev", "cursor.com", "www.cursor.com"},
		prefixes: []string{"cursor://anysphere.cursor-mcp/"},
	}
}

// NewTrust adds what the operator trusts (OAUTH_TRUSTED_CLIENTS) to those that are trusted always. Each entry is a host,
// such as assistant.example.com, or the beginning of redirects with a private scheme, such as myapp://oauth/.
func NewTrust(further []string) (*Trust, error) {
	t := trustedAlways()
	for _, entry := range further {
		entry = strings.TrimSpace(entry)
		scheme, rest, private := strings.Cut(entry, "://")
		switch {
		case entry == "":
		case !private && isHost(entry):
			t.hosts = append(t.hosts, strings.ToLower(entry))
		case private && isPrivate(scheme) && strings.Contains(rest, "/") && !strings.HasPrefix(rest, "/"):
			t.prefixes = append(t.prefixes, entry)
		default:
			return nil, fmt.Errorf("OAUTH_TRUSTED_CLIENTS holds %q; an entry is a host such as assistant.example.com, or the beginning of a redirect such as myapp://oauth/", entry)
		}
	}
	return &t, nil
}

func isHost(s string) bool {
	u, err := url.Parse("https://" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.HasSuffix(s, ":") && !strings.ContainsAny(s, "*@ ")
}

// isPrivate says whether a scheme may be an app's own.
func isPrivate(scheme string) bool {
	return scheme != "" && !slices.Contains([]string{"http", "https", "javascript", "data", "file", "blob", "about", "ws", "wss", "vbscript", "view-source"}, strings.ToLower(scheme))
}

// host says whether a host is trusted.
func (t *Trust) host(h string) bool { return slices.Contains(t.hosts, strings.ToLower(h)) }

// redirect says whether answers may go to a redirect URI.
func (t *Trust) redirect(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return t.host(u.Host)
	case "http":
		return isLoopback(u.Hostname())
	}
	return slices.ContainsFunc(t.prefixes, func(p string) bool { return strings.HasPrefix(u.String(), p) })
}
