package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// cookieNames are the cookies of a server: with the prefix that keeps other hosts of the domain from setting them, but in
// development without TLS, where browsers would refuse it.
type cookieNames struct{ secure bool }

func (n cookieNames) prefix() string {
	if n.secure {
		return "__Host-flowpos-"
	}
	return "flowpos-"
}

// request is the cookie of one authorization request, so that several may wait in one browser.
func (n cookieNames) request(id string) string {
	sum := sha256.Sum256([]byte(id))
	return n.requests() + hex.EncodeToString(sum[:4])
}

func (n cookieNames) requests() string { return n.prefix() + "oauth-" }

// visit is the cookie of a sign-in on the settings page; before that, visitor ties its form to the browser.
func (n cookieNames) visit() string { return n.prefix() + "settings" }

func (n cookieNames) visitor() string { return n.prefix() + "visitor" }

// requestLife is how long the cookie of a request is kept; the request itself may end before.
const requestLife = 10 * time.Minute

// maxRequests is how many requests of one browser may wait.
const maxRequests = 6

// set gives the browser a cookie. Lax and not Strict: people come from their assistant's page.
func (n cookieNames) set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: n.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// drop takes a cookie away.
func (n cookieNames) drop(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: n.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// setRequest binds a request to the browser, and forgets the oldest ones when it has many: browsers send the cookies that
// were made first before the others.
func (n cookieNames) setRequest(w http.ResponseWriter, r *http.Request, id, secret string) {
	var had []string
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, n.requests()) && c.Name != n.request(id) {
			had = append(had, c.Name)
		}
	}
	for i := 0; i <= len(had)-maxRequests; i++ {
		n.drop(w, had[i])
	}
	n.set(w, n.request(id), secret, requestLife)
}

// value is what the browser sent for a name, or empty: also when it sent two, of which one may be somebody else's.
func (n cookieNames) value(r *http.Request, name string) string {
	if got := r.CookiesNamed(name); len(got) == 1 {
		return got[0].Value
	}
	return ""
}
