package credential

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// Claims is what an MCP access token says.
type Claims struct {
	UserID   string
	GrantID  string
	JTI      string // Mint makes one when it is empty
	ClientID string // the OAuth client, when there is one
	Scopes   []pos.Scope
	Issued   time.Time // set by Mint
	Expires  time.Time // Mint: the token ends then at the latest; zero leaves it to the TTL
}

// TokenOptions is what Tokens needs; nothing but Previous may be left out.
type TokenOptions struct {
	Secret   string   // MCP_TOKEN_SECRET, 32 characters or more
	Previous []string // MCP_TOKEN_SECRET_PREVIOUS: tokens made with them stay good until they end
	TTL      time.Duration
	Issuer   string // the bare origin of PUBLIC_URL
	Audience string // the resource: PUBLIC_URL/mcp
	Now      func() time.Time
}

// Tokens mints and verifies MCP access tokens. It keeps no list of them: whether the grant and the memberships behind one
// are still in force is for its caller to look up. It is safe for concurrent use.
type Tokens struct {
	ttl              time.Duration
	secret           []byte // the current one; other keys are derived from it
	issuer, audience string
	now              func() time.Time
	current          tokenKey
	keys             map[string]tokenKey // by the whole header of the tokens that each has made
}

// minSecret is in characters, as documented.
const minSecret = 32

// NewTokens derives the keys. The error is a sentence for whoever starts the program; it never repeats a secret.
func NewTokens(o TokenOptions) (*Tokens, error) {
	for i, secret := range append([]string{o.Secret}, o.Previous...) {
		if n := utf8.RuneCountInString(secret); n < minSecret {
			name := "MCP_TOKEN_SECRET"
			if i > 0 {
				name = "a secret in MCP_TOKEN_SECRET_PREVIOUS"
			}
			return nil, fmt.Errorf("%s has %d characters; it must have at least %d, such as openssl rand -base64 48 makes", name, n, minSecret)
		}
	}
	switch {
	case o.TTL < time.Second:
		return nil, fmt.Errorf("MCP_TOKEN_TTL_SECONDS is %d; it must be at least 1", int64(o.TTL/time.Second))
	case o.Issuer == "" || o.Audience == "" || o.Now == nil:
		return nil, errors.New("tokens need an issuer, an audience and a clock")
	}
	t := &Tokens{ttl: o.TTL, secret: []byte(o.Secret), issuer: o.Issuer, audience: o.Audience, now: o.Now, keys: map[string]tokenKey{}}
	for _, secret := range append(slices.Clone(o.Previous), o.Secret) { // the current one last, should it be among the others
		key, err := newTokenKey(secret)
		if err != nil {
			return nil, err
		}
		t.current, t.keys[key.header] = key, key
	}
	return t, nil
}

// tokenKey signs tokens. header is the only header that its tokens may have, byte for byte as they carry it.
type tokenKey struct {
	header string
	secret []byte
}

// newTokenKey derives a key for this one purpose from a secret that may serve others too.
func newTokenKey(secret string) (tokenKey, error) {
	const purpose = "flowpos mcp access token v1"
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose, sha256.Size)
	if err != nil {
		return tokenKey{}, err
	}
	id, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose+" kid", 8)
	if err != nil {
		return tokenKey{}, err
	}
	header := fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"at+jwt"}`, base64.RawURLEncoding.EncodeToString(id))
	return tokenKey{base64.RawURLEncoding.EncodeToString([]byte(header)), key}, nil
}

// Derive makes a key of another purpose from MCP_TOKEN_SECRET. It changes with the secret.
func (t *Tokens) Derive(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, t.secret, nil, purpose, sha256.Size)
}

// sign returns the MAC of a header and claims as they are sent.
func (k tokenKey) sign(signed string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// wireClaims are the claims as they travel.
type wireClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Grant    string `json:"sid"`
	ID       string `json:"jti"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Scope    string `json:"scope"`
	Client   string `json:"client_id,omitempty"`
}

// Mint makes a token that begins now and ends with the TTL, or earlier when c.Expires says so.
func (t *Tokens) Mint(c Claims) (raw string, expires time.Time, err error) {
	raw, at, err := t.mint(c)
	return raw, at.expires, err
}

func (t *Tokens) mint(c Claims) (raw string, at times, err error) {
	if c.UserID == "" || c.GrantID == "" || len(c.Scopes) == 0 {
		return "", at, errors.New("a token needs a user, a grant and a scope")
	}
	if c.JTI == "" {
		c.JTI = rand.Text()
	}
	at.issued = t.now().Truncate(time.Second)
	at.expires = at.issued.Add(t.ttl)
	if !c.Expires.IsZero() && c.Expires.Before(at.expires) {
		at.expires = c.Expires.Truncate(time.Second)
	}
	if !at.expires.After(at.issued) {
		return "", times{}, errors.New("a token would have ended before it began")
	}
	claims, err := json.Marshal(wireClaims{
		Issuer: t.issuer, Audience: t.audience, Subject: c.UserID, Grant: c.GrantID, ID: c.JTI,
		Issued: at.issued.Unix(), Expires: at.expires.Unix(), Scope: pos.JoinScopes(c.Scopes, " "), Client: c.ClientID,
	})
	if err != nil {
		return "", times{}, err
	}
	raw = t.current.seal(claims)
	if len(raw) > maxToken {
		return "", times{}, fmt.Errorf("a token of %d bytes, which nobody would take", len(raw))
	}
	return raw, at, nil
}

// seal makes a token of claims.
func (k tokenKey) seal(claims []byte) string {
	signed := k.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(k.sign(signed))
}

// Verify reads a token and refuses, with a *Refusal, whatever this server has not made or what is not in force by its
// own times. The user and the grant are not looked up.
func (t *Tokens) Verify(raw string) (Claims, error) { return t.verify(raw, skew) }

// VerifyForRefresh is Verify, but takes a token that ended at most grace ago.
func (t *Tokens) VerifyForRefresh(raw string, grace time.Duration) (Claims, error) {
	return t.verify(raw, max(grace, skew))
}

// verify reads nothing of a token before its MAC is known to be ours.
func (t *Tokens) verify(raw string, late time.Duration) (Claims, error) {
	s, err := takeApart(raw)
	if err != nil {
		return Claims{}, err
	}
	key, ok := t.keys[s.header]
	if !ok {
		return Claims{}, refused("not a header of this server's tokens")
	}
	if !hmac.Equal(s.signature, key.sign(s.signed)) {
		return Claims{}, refused("the signature is wrong")
	}
	m, err := readMembers(s.claims)
	if err != nil {
		return Claims{}, err
	}
	at, err := timesOf(m, t.now(), late)
	if err != nil {
		return Claims{}, err
	}
	return t.claimsOf(m, at)
}

func (t *Tokens) claimsOf(m *members, at times) (Claims, error) {
	issuer, audience, scope := m.text("iss"), m.text("aud"), m.text("scope")
	c := Claims{
		UserID: m.text("sub"), GrantID: m.text("sid"), JTI: m.text("jti"), ClientID: m.textOr("client_id"),
		Scopes: knownScopes(scope), Issued: at.issued, Expires: at.expires,
	}
	switch {
	case m.wrong != "":
		return Claims{}, refused(m.wrong)
	case issuer != t.issuer:
		return Claims{}, refused("iss is another server")
	case audience != t.audience:
		return Claims{}, refused("aud is another resource")
	case c.UserID == "" || c.GrantID == "" || c.JTI == "" || len(c.Scopes) == 0:
		return Claims{}, refused("sub, sid, jti or scope is empty")
	}
	return c, nil
}

// knownScopes leaves out scopes that this program does not know: during a deployment a newer one may have made the token.
func knownScopes(s string) []pos.Scope {
	all := pos.AllScopes()
	out := make([]pos.Scope, 0, len(all))
	for word := range strings.SplitSeq(s, " ") {
		if sc := pos.Scope(word); slices.Contains(all, sc) && !slices.Contains(out, sc) {
			out = append(out, sc)
		}
	}
	return out
}
