package credential

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// GoogleCertsURL is where Google publishes the certificates that Firebase ID tokens are signed with.
const GoogleCertsURL = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"

// ErrIdentityProvider is in the chain of what Verify returns when the certificates cannot be had, so that nothing is known
// of the token: 503, never accepted unverified.
var ErrIdentityProvider = errors.New("identity provider unreachable")

// Person is who a Firebase ID token says has signed in. What they may enter is in PostgreSQL.
type Person struct {
	UID           string
	Email         string
	Name          string
	AuthTime      time.Time // when they typed the password, or what they do instead
	EmailVerified bool
}

// FirebaseOptions is what Firebase needs. All but ProjectID may be left out.
type FirebaseOptions struct {
	ProjectID string
	CertsURL  string       // default GoogleCertsURL
	Client    *http.Client // fetches the certificates; redirects are not followed whatever it says
	Now       func() time.Time
	Emulator  bool // takes the unsigned tokens of the Firebase Auth emulator: development and test only
	Log       *slog.Logger
}

// Firebase verifies Firebase ID tokens. It is safe for concurrent use.
type Firebase struct {
	project  string
	issuer   string
	emulator bool
	now      func() time.Time
	certs    *certificates
}

// NewFirebase makes a verifier; it fetches nothing yet.
func NewFirebase(o FirebaseOptions) *Firebase {
	if o.CertsURL == "" {
		o.CertsURL = GoogleCertsURL
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Firebase{
		project: o.ProjectID, issuer: "https://securetoken.google.com/" + o.ProjectID,
		emulator: o.Emulator, now: o.Now, certs: newCertificates(o.CertsURL, o.Client, o.Now, o.Log),
	}
}

// Verify reads an ID token. It fails with a *Refusal when the token is not good, and with a *pos.Error that wraps
// ErrIdentityProvider when that cannot be known now.
func (f *Firebase) Verify(ctx context.Context, rawIDToken string) (Person, error) {
	s, err := takeApart(rawIDToken)
	if err != nil {
		return Person{}, err
	}
	kid, err := f.keyOf(s)
	if err != nil {
		return Person{}, err
	}
	p, err := f.personOf(s.claims)
	if err != nil || kid == unsigned {
		return p, err
	}
	key, err := f.certs.key(ctx, kid)
	if err != nil {
		return Person{}, err
	}
	sum := sha256.Sum256([]byte(s.signed))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], s.signature) != nil {
		return Person{}, refused("the signature is wrong")
	}
	return p, nil
}

// unsigned stands for the key of an emulator's token; no key id is empty.
const unsigned = ""

// keyOf reads the header: alg, kid and typ, and nothing else. What names a key or an extension there (jku, x5u, jwk,
// crit) is refused with everything unknown.
func (f *Firebase) keyOf(s sealed) (kid string, err error) {
	b, err := decodePart(s.header)
	if err != nil {
		return "", err
	}
	m, err := readMembers(b)
	if err != nil {
		return "", err
	}
	for _, x := range m.list {
		if name := string(x.name); name != "alg" && name != "kid" && name != "typ" {
			return "", refused("a header that is not alg, kid or typ")
		}
	}
	alg := m.text("alg")
	if f.emulator && alg == "none" && len(s.signature) == 0 && m.wrong == "" {
		return unsigned, nil
	}
	kid = m.text("kid")
	typ := m.textOr("typ")
	switch {
	case m.wrong != "":
		return "", refused(m.wrong)
	case alg != "RS256":
		return "", refused("alg is not RS256")
	case typ != "" && typ != "JWT":
		return "", refused("typ is not JWT")
	case !isKeyID(kid):
		return "", refused("kid is not a key id")
	}
	return kid, nil
}

// isKeyID says whether s may be the id of a certificate; Google's are 40 hexadecimal digits.
func isKeyID(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}) < 0
}

// personOf reads the claims. They count for nothing until the signature is verified, but what they refuse costs no fetch.
func (f *Firebase) personOf(claims []byte) (Person, error) {
	m, err := readMembers(claims)
	if err != nil {
		return Person{}, err
	}
	now := f.now()
	if _, err := timesOf(m, now, skew); err != nil {
		return Person{}, err
	}
	issuer, audience := m.text("iss"), m.text("aud")
	how := m.object("firebase")
	provider := how.text("sign_in_provider")
	p := Person{
		UID: m.text("sub"), Email: m.textOr("email"), Name: pos.Clean(m.textOr("name")),
		AuthTime: m.moment("auth_time"), EmailVerified: m.truth("email_verified"),
	}
	switch {
	case m.wrong != "":
		return Person{}, refused(m.wrong)
	case how.wrong != "":
		return Person{}, refused("firebase: " + how.wrong)
	case issuer != f.issuer:
		return Person{}, refused("iss is not Firebase for this project")
	case audience != f.project:
		return Person{}, refused("aud is another project")
	case p.AuthTime.After(now.Add(skew)):
		return Person{}, refused("auth_time is in the future")
	case !isUID(p.UID):
		return Person{}, refused("sub is not a user id")
	case provider == "" || provider == "anonymous":
		return Person{}, refused("nobody has signed in")
	}
	return p, nil
}

// isUID says whether s may be a Firebase user id: 1 to 128 characters. The replacement character stands for something
// that was not a character; two such ids would look the same.
func isUID(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= 128 && strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) < 0
}
