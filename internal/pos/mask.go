package pos

import (
	"strings"
	"unicode"
)

// Mask hides all but the last letters and digits of a number that belongs to a person: "***678". A text without more
// than keep of them is hidden whole; an empty one stays empty.
func Mask(s string, keep int) string {
	var r []rune
	for _, c := range s {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			r = append(r, c)
		}
	}
	switch {
	case strings.TrimSpace(s) == "":
		return ""
	case len(r) <= keep:
		return "***"
	}
	return "***" + string(r[len(r)-keep:])
}
