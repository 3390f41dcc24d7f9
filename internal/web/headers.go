package web

import (
	"net/http"
	"strings"
)

// protect sets the headers of every answer. A page that needs more says so later.
func (h *Handler) protect(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Content-Security-Policy", policy(nil))
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()")
	if strings.HasPrefix(r.URL.Path, "/settings/") {
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	// The pages of an authorization have no Cross-Origin-Opener-Policy: an assistant on the web opens them in a popup, and its
	// own page, which comes after ours there, tells window.opener the result. Any value but unsafe-none cuts that tie for good.
	head.Add("Vary", "Accept-Language")
}

// policy is the Content-Security-Policy of a page, with what its way of signing in needs besides; nil: nothing.
func policy(s *SignIn) string {
	p := map[string][]string{"script-src": {"'self'"}}
	if s != nil && s.APIKey != "" {
		p["connect-src"] = []string{"https://identitytoolkit.googleapis.com", "https://securetoken.googleapis.com"}
		if s.Emulator != "" {
			p["connect-src"] = []string{"http://" + s.Emulator}
		}
		if s.AuthDomain != "" { // the popup of "Continue with Google": Firebase talks to it through a frame of the domain
			p["script-src"] = append(p["script-src"], "https://apis.google.com")
			p["frame-src"] = []string{"https://" + s.AuthDomain}
			if s.Emulator != "" {
				p["frame-src"] = []string{"http://" + s.Emulator}
			}
		}
	}
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src 'self'; img-src 'self'")
	for _, d := range []string{"script-src", "connect-src", "frame-src"} {
		if p[d] != nil {
			b.WriteString("; " + d + " " + strings.Join(p[d], " "))
		}
	}
	b.WriteString("; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	if s == nil || s.APIKey == "" { // Firebase's SDK makes script elements, which this forbids
		b.WriteString("; require-trusted-types-for 'script'; trusted-types 'none'")
	}
	return b.String()
}

// allowSignIn lets the page do what signing in needs.
func (h *Handler) allowSignIn(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy(&h.o.SignIn))
	if h.o.SignIn.popup() && w.Header().Get("Cross-Origin-Opener-Policy") != "" {
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	}
}
