package pos

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// cursor marks where the next page starts. What it holds is a position in an order, never a right: a forged one can
// at most move within what its bearer may read anyway.
type cursor struct {
	Question string          `json:"q"`
	After    json.RawMessage `json:"a"`
}

// EncodeCursor makes the cursor that continues a question (tool, business and filters, in one string) after a position.
func EncodeCursor(question string, after any) (string, error) {
	pos, err := json.Marshal(after)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(cursor{fingerprint(question), pos})
	return base64.RawURLEncoding.EncodeToString(b), err
}

// DecodeCursor reads a cursor into after, a pointer to what was encoded. A cursor of another question, or one that
// EncodeCursor would not write, is refused with a sentence; after then means nothing.
func DecodeCursor(s, question string, after any) error {
	bad := Errorf(Invalid, "this cursor was not made for this question").
		WithFix("leave cursor out to start again, or repeat the call that returned it with the same arguments")
	if len(s) > 1000 {
		return bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return bad
	}
	var c cursor
	if bytes.Contains(b, []byte(`\u0000`)) { // no text of ours has it, and the database refuses it
		return bad
	}
	if json.Unmarshal(b, &c) != nil || c.Question != fingerprint(question) || json.Unmarshal(c.After, after) != nil {
		return bad
	}
	if again, err := EncodeCursor(question, after); err != nil || again != s { // half a position, or more than one
		return bad
	}
	return nil
}

func fingerprint(question string) string {
	sum := sha256.Sum256([]byte(question))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}
