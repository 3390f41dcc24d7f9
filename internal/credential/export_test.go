package credential

// WellFormed is wellFormed.
func WellFormed(s string) bool { return wellFormed(s) }

// Hint is hintOf.
func Hint(key string) string { return hintOf(key) }
