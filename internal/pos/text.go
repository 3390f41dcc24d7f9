package pos

import (
	"strings"
	"unicode"
)

// Clip shortens text to at most n runes, with … where something was cut.
func Clip(s string, n int) string {
	r := []rune(s)
	switch {
	case len(r) <= n:
		return s
	case n <= 0:
		return ""
	}
	return string(r[:n-1]) + "…"
}

// maxTyped bounds one piece of text that people typed, in runes; longer ones are clipped in answers.
const maxTyped = 200

// Clean makes text that people typed safe to show as data: control characters and line breaks become spaces, characters
// that show nothing (direction changes, joiners, tags, variation selectors) go away because a message can hide in them,
// runs of spaces become one space, and the length is capped.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector):
			return -1
		}
		return r
	}, s)
	return Clip(strings.Join(strings.Fields(s), " "), maxTyped)
}
