package session

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	key  = "key:00000000-0000-7000-8000-0000000000ff"
	shop = "00000000-0000-7000-8000-00000000000a"
)

func signer(t testing.TB, at time.Time) *Signer {
	t.Helper()
	s, err := NewSigner(bytes.Repeat([]byte{7}, 32), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestIDCarriesItsState(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]State{
		"plain":     {Protocol: "2025-11-25"},
		"oldest":    {Protocol: "2024-11-05"},
		"able":      {Protocol: "2025-06-18", Client: Elicits | ElicitsForms | Samples | TellsRoots},
		"read only": {Protocol: "2025-03-26", ReadOnly: true},
		"pinned":    {Protocol: "2025-11-25", ReadOnly: true, Pin: shop},
	} {
		id, err := signer(t, noon).New(key, want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want.Created = noon.Local()
		got, err := signer(t, noon.Add(Life-time.Second)).Open(key, id)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if strings.ContainsFunc(id, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			t.Errorf("%s: %q has characters that a header may not hold", name, id)
		}
	}
}

func TestIDThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	s := signer(t, noon)
	id, err := s.New(key, State{Protocol: "2025-11-25", Pin: shop})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := NewSigner(bytes.Repeat([]byte{8}, 32), func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (State, error){
		"empty":                  func() (State, error) { return s.Open(key, "") },
		"another credential":     func() (State, error) { return s.Open(key+"0", id) },
		"no credential":          func() (State, error) { return s.Open("", id) },
		"another secret":         func() (State, error) { return elsewhere.Open(key, id) },
		"a day later":            func() (State, error) { return signer(t, noon.Add(Life)).Open(key, id) },
		"shorter":                func() (State, error) { return s.Open(key, id[:len(id)-1]) },
		"longer":                 func() (State, error) { return s.Open(key, id+"A") },
		"padded":                 func() (State, error) { return s.Open(key, id+"=") },
		"line break in it":       func() (State, error) { return s.Open(key, id[:8]+"\n"+id[8:]) },
		"another alphabet":       func() (State, error) { return s.Open(key, strings.Repeat("+/", 30)) },
		"long":                   func() (State, error) { return s.Open(key, strings.Repeat("A", 1<<20)) },
		"what a client made up":  func() (State, error) { return s.Open(key, "3f1c0f0e-5f57-4a5c-9c1f-0d5b4f6f6e10") },
		"one bit of the pin":     func() (State, error) { return s.Open(key, flip(id, 20)) },
		"one bit of the flags":   func() (State, error) { return s.Open(key, flip(id, 5)) },
		"one bit of the version": func() (State, error) { return s.Open(key, flip(id, 0)) },
	} {
		if st, err := open(); !errors.Is(err, ErrUnknown) || st != (State{}) {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}

// flip changes one bit of the i-th character's value.
func flip(id string, i int) string {
	c := byte('A')
	if id[i] == 'A' {
		c = 'B'
	}
	return id[:i] + string(c) + id[i+1:]
}

func TestTwoSessionsOfOneMomentDiffer(t *testing.T) {
	t.Parallel()
	s := signer(t, noon)
	a, errA := s.New(key, State{Protocol: "2025-11-25"})
	b, errB := s.New(key, State{Protocol: "2025-11-25"})
	if errA != nil || errB != nil || a == b {
		t.Errorf("%q and %q, %v %v", a, b, errA, errB)
	}
}

func TestWhatNoIDCarries(t *testing.T) {
	t.Parallel()
	s := signer(t, noon)
	for name, st := range map[string]State{
		"newer era": {Protocol: "2026-07-28"}, "no version": {}, "no business": {Protocol: "2025-11-25", Pin: "tienda"},
	} {
		if id, err := s.New(key, st); err == nil {
			t.Errorf("%s: %q", name, id)
		}
	}
	if _, err := NewSigner([]byte("short"), time.Now); err == nil {
		t.Error("a secret of five bytes is accepted")
	}
}

// issued is an id as the first release made it. It must open as long as its format exists.
const issued = "AQQAAANrBCrAAAAAAAAAcACAAAAAAAAACtg9_Mmw2aaDc19hk7smcfyxQiw_FBhEadN4SwU"

func TestIssuedIDStillOpens(t *testing.T) {
	t.Parallel()
	got, err := signer(t, noon).Open(key, issued)
	want := State{Protocol: "2025-11-25", ReadOnly: true, Pin: shop, Created: noon.Local()}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzOpen(f *testing.F) {
	s := signer(f, noon)
	for _, text := range []string{issued, "", flip(issued, 3), issued + "=", strings.ToLower(issued)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := s.Open(key, text)
		if (err == nil) != (text == issued) || err != nil && st != (State{}) {
			t.Errorf("Open(%q) = %+v, %v", text, st, err)
		}
	})
}
