// Package devidentity stands in for Firebase where there is no internet: it signs ID tokens of the real format (RS256)
// with a key of its own and publishes the certificate for it. A verifier that is given its Client takes the same path as
// for Google's tokens; nothing is skipped. It exists for `flowpos demo` alone: the files of that subcommand are the only
// ones that may import it (internal/app/devidentity_test.go).
package devidentity

import (
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"
)

// Person is somebody whom the identity says has signed in.
type Person struct {
	UID   string // "user".firebase_uid
	Email string
	Name  string
}

// Identity signs ID tokens for one made-up Firebase project. It is safe for concurrent use.
type Identity struct {
	project string
	key     *rsa.PrivateKey
	kid     string
	now     func() time.Time
}

// tokenLife is Firebase's.
const tokenLife = time.Hour

// newIdentity names the key after itself, so that every start with the same key publishes the same id.
func newIdentity(key *rsa.PrivateKey, project string, now func() time.Time) (*Identity, error) {
	if project == "" || now == nil {
		return nil, errors.New("a development identity needs a project and a clock")
	}
	sum := sha256.Sum256(key.N.Bytes())
	return &Identity{project: project, key: key, kid: hex.EncodeToString(sum[:20]), now: now}, nil
}

// Project is the Firebase project that the tokens are for.
func (i *Identity) Project() string { return i.project }

// Secret is what the demo's MCP tokens are signed with: another secret for each demo, the same one at each start, so that a
// token of yesterday still opens it.
func (i *Identity) Secret() (string, error) {
	b, err := hkdf.Key(sha256.New, i.key.D.Bytes(), nil, "flowpos demo mcp token secret", sha256.Size)
	return hex.EncodeToString(b), err
}

// idClaims are the claims of a Firebase ID token after a sign-in with a password.
type idClaims struct {
	Name          string   `json:"name,omitempty"`
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	AuthTime      int64    `json:"auth_time"`
	UserID        string   `json:"user_id"`
	Subject       string   `json:"sub"`
	Issued        int64    `json:"iat"`
	Expires       int64    `json:"exp"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Firebase      firebase `json:"firebase"`
}

type firebase struct {
	Identities map[string][]string `json:"identities"`
	Provider   string              `json:"sign_in_provider"`
}

// IDToken signs an ID token for a person who signs in now. It is good for an hour, as Firebase's are.
func (i *Identity) IDToken(p Person) (string, error) {
	if p.UID == "" {
		return "", errors.New("an ID token needs a user id")
	}
	now := i.now()
	c := idClaims{
		Name: p.Name, Issuer: "https://securetoken.google.com/" + i.project, Audience: i.project,
		AuthTime: now.Unix(), UserID: p.UID, Subject: p.UID, Issued: now.Unix(), Expires: now.Add(tokenLife).Unix(),
		Email: p.Email, EmailVerified: p.Email != "",
		Firebase: firebase{Identities: map[string][]string{}, Provider: "password"},
	}
	if p.Email != "" {
		c.Firebase.Identities["email"] = []string{p.Email}
	}
	header, err := json.Marshal(map[string]string{"alg": "RS256", "kid": i.kid, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
