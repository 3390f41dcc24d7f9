package mcphttp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const headerVersion = "Mcp-Protocol-Version"

// newer says whether a POST belongs to the newer era. A session id or a plain initialize is the older one's, whatever
// the version header says: some clients send the newest version on an older session.
func newer(r *http.Request, msgs []message) bool {
	if r.Header.Get(headerSession) != "" {
		return false
	}
	for _, m := range msgs {
		if m.meta.version >= newest || m.method == "server/discover" {
			return true
		}
	}
	return r.Header.Get(headerVersion) >= newest && msgs[0].method != "initialize"
}

// negotiate picks the version of a new session: the one asked for, or else the newest that has sessions.
func negotiate(asked string) string {
	older := slices.DeleteFunc(mcp.SupportedProtocolVersions(), func(v string) bool { return v >= newest })
	if slices.Contains(older, asked) {
		return asked
	}
	return older[0]
}

// knownVersion says whether a version header may be sent at all.
func knownVersion(v string) bool {
	return v == "" || v >= newest || slices.Contains(mcp.SupportedProtocolVersions(), v)
}

// accepts reads an Accept header: whether event streams are understood, and whether they are preferred, because they
// stand first or alone. No header, and */*, take anything.
func accepts(h http.Header) (streams, preferred bool) {
	values := h["Accept"]
	if len(values) == 1 && values[0] == "application/json, text/event-stream" { // what the SDKs send
		return true, false
	}
	jsonAt, streamAt, n := -1, -1, 0
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			base, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(base)) {
			case "application/json", "application/*", "*/*":
				if jsonAt < 0 {
					jsonAt = n
				}
				if strings.Contains(base, "*/*") {
					streams = true
				}
			case "text/event-stream", "text/*":
				if streamAt < 0 {
					streamAt = n
				}
			}
			n++
		}
	}
	if n == 0 {
		return true, false
	}
	return streams || streamAt >= 0, streamAt >= 0 && (jsonAt < 0 || streamAt < jsonAt)
}
