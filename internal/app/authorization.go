package app

import (
	"mime"
	"net/http"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/limit"
	"github.com/flowpos/flowpos-backend/internal/oauth"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/server"
	"github.com/flowpos/flowpos-backend/internal/session"
	"github.com/flowpos/flowpos-backend/internal/web"
)

// pageSignIn is how people sign in on the pages.
func (c *serveCmd) pageSignIn() web.SignIn {
	s := web.SignIn{APIKey: c.FirebaseAPIKey, AuthDomain: c.FirebaseAuthDomain, Emulator: c.FirebaseEmulator, Development: c.development}
	if s.Emulator != "" && s.APIKey == "" {
		s.APIKey = "emulator" // it takes any
	}
	return s
}

// authorizes says whether assistants can connect by the URL alone: people can sign in (V2), and there is a page for it.
func (p *program) authorizes() bool { return p.signIns.tokens != nil && p.cfg.pageSignIn().On() }

// authorization makes the authorization server and its pages. secret is the database's own.
func (p *program) authorization(secret []byte) (server.Pages, error) {
	trusted, err := oauth.NewTrust(p.cfg.TrustedClients)
	if err != nil {
		return server.Pages{}, err
	}
	tokens := credential.NewExchange(p.db, p.signIns.tokens, p.now)
	s, err := oauth.New(oauth.Options{
		Issuer: p.cfg.PublicURL, Database: p.db, Tickets: p.store.(session.Tickets), Tokens: p.signIns.tokens, Exchange: tokens,
		Firebase: p.signIns.firebase, Trusted: trusted, Secret: secret, Documents: p.cfg.web,
		Admit: p.admit(limit.Registering), BadIDs: p.admit(limit.Refused), Person: p.admitPerson(), Log: p.log, Now: p.now,
	})
	if err != nil {
		return server.Pages{}, err
	}
	pages, err := web.New(web.Options{
		Extras:    p.extras,
		PublicURL: p.cfg.PublicURL, Secret: secret, SignIn: p.cfg.pageSignIn(), Authorizer: s, Firebase: p.signIns.firebase,
		People: credential.NewAccounts(p.db), Keys: credential.NewMemberKeys(p.db), Tokens: tokens, Grants: credential.NewMemberGrants(p.db),
		Limits: web.Limits{BadIDs: p.admit(limit.Refused), Asking: p.admit(limit.Asking), Person: p.admitPerson()}, Log: p.log, Now: p.now,
	})
	clients := http.NewServeMux()
	clients.HandleFunc("/token", s.Token)
	clients.HandleFunc("/mcp/token", s.Token)
	clients.HandleFunc("/register", s.Register)
	clients.HandleFunc("/revoke", s.Revoke)
	return server.Pages{Clients: clients, People: pages}, err
}

// extras are the tools that a person's assistant is not shown by default.
func (p *program) extras(at []credential.Membership, scopes []pos.Scope) (out []web.Extra) {
	c := pos.Caller{Role: pos.RoleMerchant, Scopes: scopes}
	for _, m := range at {
		c.Businesses = append(c.Businesses, pos.Business{ID: m.ID, Name: m.Name, Type: m.Type, Modules: m.Modules, Role: m.Role})
	}
	for _, t := range p.tools.Extras(c) {
		out = append(out, web.Extra{Toolset: t.Toolset, ES: t.Title.ES, EN: t.Title.EN})
	}
	return out
}

// admit counts a request of an address, and says how long to wait; nil: there are no limits.
func (p *program) admit(kind limit.Kind) func(r *http.Request) time.Duration {
	l := p.limits
	if l == nil {
		return nil
	}
	return func(r *http.Request) time.Duration {
		wait := l.Addresses.Take(limit.AddressOf(r.RemoteAddr, r.Header["X-Forwarded-For"], l.Forwarded), kind)
		if wait > 0 && p.figures != nil {
			p.figures.metrics.Limited(kind)
		}
		return wait
	}
}

// admitPerson counts what somebody who signed in asks for on the pages, together with /mcp/token and /mcp/keys.
func (p *program) admitPerson() func(uid string) time.Duration {
	if p.limits == nil {
		return nil
	}
	return func(uid string) time.Duration { return p.limits.Credentials.Take("person:"+uid, limit.Requests) }
}

// formOrJSON tells the two dialects of POST /mcp/token apart: OAuth's form, which any page may send because nothing but what
// it holds is looked at, and the documented JSON. A browser that asks before it posts may always ask.
func formOrJSON(form, json http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if r.URL.Path == "/mcp/token" && (kind == "application/x-www-form-urlencoded" || r.Method == http.MethodOptions) {
			form.ServeHTTP(w, r)
			return
		}
		json.ServeHTTP(w, r)
	})
}
