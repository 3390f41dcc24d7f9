package credential

import (
	"net/http"
	"strings"
)

// Refusal means that the request carries no credential that is in force. Why is for the log; the client is told the same
// whatever the reason.
type Refusal struct {
	Sent bool // a credential was sent
	Why  string
}

// Error is the reason, for the log.
func (r *Refusal) Error() string { return "credential refused: " + r.Why }

// CredentialSent says whether a credential was sent, which RFC 6750, 3.1 answers with error="invalid_token".
func (r *Refusal) CredentialSent() bool { return r.Sent }

// Bearer takes the one credential out of the Authorization header, whatever kind it is. It fails with a *Refusal.
func Bearer(h http.Header) (string, error) { return bearer(h) }

// bearer takes the one credential out of the Authorization header (RFC 6750, 2.1). Query and body are never looked at.
func bearer(h http.Header) (string, error) {
	values := h["Authorization"]
	switch {
	case len(values) == 0:
		return "", &Refusal{Why: "none"}
	case len(values) > 1:
		return "", &Refusal{Sent: true, Why: "several Authorization headers"}
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", &Refusal{Sent: true, Why: "not a Bearer credential"}
	}
	return strings.TrimLeft(token, " "), nil
}
