package pos

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"
)

// NewID makes a UUID version 7 (RFC 9562, 5.7) of an instant and 10 random bytes. The database makes its own with
// uuid_v7(); this one is for writers that need the id before the row exists, such as bulk loads.
func NewID(at time.Time, random io.Reader) (string, error) {
	var u [16]byte
	if _, err := io.ReadFull(random, u[6:]); err != nil {
		return "", err
	}
	ms := at.UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// ValidID says whether s has the form of a UUID, as all our ids do.
func ValidID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	return true
}

// ID is an id that came from outside, in an argument or a cursor: decoding refuses what has not the form of one.
type ID string

// UnmarshalJSON reads an id, or an empty string.
func (i *ID) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s != "" && !ValidID(s) {
		return Errorf(Invalid, "%q is not an id", Clip(Clean(s), 40)).WithFix("give an id that an answer has shown, or search by name")
	}
	*i = ID(s)
	return nil
}

// Ptr is the id for a query, nil when empty.
func (i ID) Ptr() *string {
	if i == "" {
		return nil
	}
	s := string(i)
	return &s
}
