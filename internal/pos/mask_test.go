package pos

import "testing"

func TestMask(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "  ": "", "1234567-8": "***678", "678": "***", "5512 3456": "***456", "---": "***", "12\u202e345": "***345",
	} {
		if got := Mask(in, 3); got != want {
			t.Errorf("Mask(%q, 3) = %q, want %q", in, got, want)
		}
	}
}
