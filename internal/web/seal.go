package web

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// sealer holds a key for each purpose, so that what was sealed for one is worth nothing for another.
type sealer struct{ forms, visits []byte }

func newSealer(secret []byte) (s sealer, err error) {
	if len(secret) < 32 {
		return s, errors.New("web: the secret is shorter than 32 bytes")
	}
	if s.forms, err = hkdf.Key(sha256.New, secret, nil, "flowpos web forms", sha256.Size); err != nil {
		return s, err
	}
	s.visits, err = hkdf.Key(sha256.New, secret, nil, "flowpos web visits", sha256.Size)
	return s, err
}

// formToken is what a form must send back: it can be made for this cookie and this purpose only.
func (s sealer) formToken(cookie, purpose string) string {
	return encode(mac(s.forms, purpose+"\x00"+cookie))
}

// fits says whether a form was made for this cookie and purpose.
func (s sealer) fits(token, cookie, purpose string) bool {
	return cookie != "" && hmac.Equal([]byte(token), []byte(s.formToken(cookie, purpose)))
}

// visit is a sign-in on the settings page, as its cookie holds it. It is no credential for anything else.
type visit struct {
	UID     string `json:"u"`
	Name    string `json:"n,omitempty"`
	Email   string `json:"e,omitempty"`
	Expires int64  `json:"x"` // Unix
}

// visitLife is how long one sign-in on the settings page lasts.
const visitLife = 30 * time.Minute

func (s sealer) sealVisit(p credential.Person, now time.Time) (string, error) {
	b, err := json.Marshal(visit{p.UID, pos.Clip(pos.Clean(p.Name), 80), pos.Clip(pos.Clean(p.Email), 120), now.Add(visitLife).Unix()})
	if err != nil {
		return "", err
	}
	return encode(b) + "." + encode(mac(s.visits, string(b))), nil
}

// openVisit reads a cookie; false when it is over or not ours.
func (s sealer) openVisit(cookie string, now time.Time) (v visit, ok bool) {
	body, seal, _ := strings.Cut(cookie, ".")
	b, err := decode(body)
	given, err2 := decode(seal)
	if err != nil || err2 != nil || !hmac.Equal(given, mac(s.visits, string(b))) {
		return v, false
	}
	if json.Unmarshal(b, &v) != nil || v.UID == "" || now.Unix() >= v.Expires {
		return visit{}, false
	}
	return v, true
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decode takes what encode made and nothing else: the library would skip line breaks.
func decode(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err == nil && encode(b) != s {
		err = errors.New("line breaks")
	}
	return b, err
}

// randomText is 128 bits.
func randomText() string { return rand.Text() }
