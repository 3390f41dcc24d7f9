package oauth

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

var badClient = &refusal{http.StatusUnauthorized, codeInvalidClient, "the client is unknown, has expired, or did not authenticate as it registered; it has to register again"}

// clientID is who a request says it is from, for the log.
func clientID(r *http.Request, form url.Values) string {
	if user, _, ok := basicAuth(r); ok {
		return user
	}
	return form.Get("client_id")
}

// authenticate finds the client of a request to the token endpoint (RFC 6749, 2.3). The document of a client that is named by
// a URL is not fetched for it: what its code or refresh token was given to is what counts.
func (s *Server) authenticate(r *http.Request, form url.Values) (Client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		user, password, ok := basicAuth(r)
		switch {
		case len(values) > 1 || !ok:
			return Client{}, badClient
		case form.Has("client_secret"), form.Has("client_id") && id != user: // RFC 6749, 2.3: one method a request
			return Client{}, refused(codeInvalidRequest, "the client authenticates in two ways")
		}
		id, secret = user, password
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return Client{}, &refusal{http.StatusUnauthorized, codeInvalidClient, "client assertions are not supported; authenticate with none, client_secret_post or client_secret_basic"}
	}
	if strings.HasPrefix(id, "https://") {
		u, ok := parseDocumentURL(id)
		if !ok || !s.o.Trusted.host(u.Host) || secret != "" {
			return Client{}, badClient
		}
		return Client{ID: id, Host: u.Host}, nil
	}
	c, err := s.registered(r.Context(), id)
	switch {
	case errors.Is(err, errNoClient):
		return Client{}, badClient
	case err != nil:
		return Client{}, err
	case c.secretHash == nil && secret != "", c.secretHash != nil && !hmac.Equal(c.secretHash, hashOf(secret)):
		return Client{}, badClient
	}
	return c, nil
}

// basicAuth reads the Authorization header, whose parts are form-encoded (RFC 6749, 2.3.1).
func basicAuth(r *http.Request) (user, password string, ok bool) {
	u, p, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	user, err1 := url.QueryUnescape(u)
	password, err2 := url.QueryUnescape(p)
	return user, password, err1 == nil && err2 == nil
}
