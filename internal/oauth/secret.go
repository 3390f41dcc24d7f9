package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// What this server hands out says what it is, for people and for scanners.
const (
	codePrefix    = "fp_code_"
	refreshPrefix = "fp_refresh_"
	clientPrefix  = "fp_client_"
	secretPrefix  = "fp_secret_"
)

const (
	randomBytes = 32
	markBytes   = 8
)

// newSecret makes something that only this server can have made: 32 random bytes and a mark over them.
func (s *Server) newSecret(prefix string) string {
	var b [randomBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return s.seal(prefix, b)
}

// follower is the refresh token that follows one. It is derived from it, so that all who come with the same one at the same
// moment get the same, on any instance; without MCP_TOKEN_SECRET nobody can tell it from the one before.
func (s *Server) follower(token string) string {
	mac := hmac.New(sha256.New, s.successor)
	mac.Write([]byte(token))
	return s.seal(refreshPrefix, [randomBytes]byte(mac.Sum(nil)))
}

func (s *Server) seal(prefix string, b [randomBytes]byte) string {
	return prefix + base64.RawURLEncoding.EncodeToString(append(b[:], s.markOf(prefix, b[:])...))
}

// made says whether this server has made a value of this kind. It is no proof that the value is good, but what it refuses
// costs the database no question.
func (s *Server) made(prefix, value string) bool {
	rest, ok := strings.CutPrefix(value, prefix)
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(randomBytes+markBytes) {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	return err == nil && len(b) == randomBytes+markBytes && hmac.Equal(b[randomBytes:], s.markOf(prefix, b[:randomBytes]))
}

func (s *Server) markOf(prefix string, b []byte) []byte {
	mac := hmac.New(sha256.New, s.mark)
	mac.Write([]byte(prefix))
	mac.Write(b)
	return mac.Sum(nil)[:markBytes]
}

// hashOf is what is kept of a secret. They are random, so that a plain hash is enough.
func hashOf(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// sealed is what waits in the store under a name. Who can write there can neither make a request or a code, nor change one,
// nor put one in another's place.
func (s *Server) sealed(name string, value any) ([]byte, error) {
	b, err := json.Marshal(value)
	return append(s.sealOf(name, b), b...), err
}

// unseal reads what sealed made for this name.
func (s *Server) unseal(name string, kept []byte, to any) error {
	if len(kept) < sha256.Size || !hmac.Equal(kept[:sha256.Size], s.sealOf(name, kept[sha256.Size:])) {
		return errors.New("what the store has under this name was not put there by this server")
	}
	return json.Unmarshal(kept[sha256.Size:], to)
}

func (s *Server) sealOf(name string, b []byte) []byte {
	mac := hmac.New(sha256.New, s.tickets)
	mac.Write([]byte(name + "\n"))
	mac.Write(b)
	return mac.Sum(nil)
}

// nameOf is what a ticket is kept under.
func nameOf(kind, value string) string {
	return kind + ":" + base64.RawURLEncoding.EncodeToString(hashOf(value))
}
