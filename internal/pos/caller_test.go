package pos

import "testing"

// Whoever has the same holder goes on with the same sessions: only an assistant's grants share one.
func TestHolder(t *testing.T) {
	t.Parallel()
	const ana, eva = "00000000-0000-7000-8000-0000000000e1", "00000000-0000-7000-8000-0000000000e2"
	grant := func(id, user, client string) Caller {
		return Caller{Credential: "grant:" + id, GrantID: id, UserID: user, Client: client}
	}
	assistant := grant("1", ana, "https://claude.ai/client")
	for name, tt := range map[string]struct {
		c    Caller
		same bool
	}{
		"another grant of the same person and client": {grant("2", ana, "https://claude.ai/client"), true},
		"another person":                    {grant("2", eva, "https://claude.ai/client"), false},
		"another client":                    {grant("2", ana, "https://claude.ai/client2"), false},
		"no client":                         {grant("2", ana, ""), false},
		"the same grant without a client":   {grant("1", ana, ""), false},
		"a client without a person":         {grant("2", "", "https://claude.ai/client"), false},
		"a key of the same person":          {Caller{Credential: "key:1", KeyID: "1", UserID: ana}, false},
		"one whose client runs into it":     {grant("2", ana+" https:", "//claude.ai/client"), false},
		"nobody, with a credential like it": {Caller{Credential: "grant:" + ana + " https://claude.ai/client"}, false},
	} {
		if got := tt.c.Holder(); (got == assistant.Holder()) != tt.same || got == "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, c := range []Caller{{Credential: "key:1", KeyID: "1", UserID: ana}, grant("1", ana, "")} {
		if got := c.Holder(); got != c.Credential {
			t.Errorf("%s holds its sessions as %q", c.Credential, got)
		}
	}
}
