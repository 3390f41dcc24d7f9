package tool_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// lastChoice answers what was chosen last, and counts how often it is asked.
type lastChoice struct {
	id    string
	err   error
	asked int
}

func (l *lastChoice) Last(context.Context, pos.Caller) (string, error) { l.asked++; return l.id, l.err }

// person is somebody who signed in.
func person(at ...pos.Business) pos.Caller {
	c := owner(at...)
	c.Auth, c.Credential, c.GrantID, c.Memo = "v2_oauth", "grant:1", "1", new(pos.Memo)
	return c
}

func TestLastChoice(t *testing.T) {
	t.Parallel()
	two := person(twoShops().Businesses...)
	for _, tt := range []struct {
		name   string
		caller pos.Caller
		args   string
		last   string
		want   string // where the call goes; empty: it is asked which
		asked  int
	}{
		{"the last choice", two, `{}`, idTwo, idTwo, 1},
		{"none", two, `{}`, "", "", 1},
		{"one that is no longer open", two, `{}`, idThree, "", 1},
		{"an argument wins", two, `{"business":"La Ceiba"}`, idTwo, idOne, 0},
		{"the session's choice wins", with(two, func(c *pos.Caller) { c.Active = idOne }), `{}`, idTwo, idOne, 0},
		{"a session whose choice is no longer open is asked", with(two, func(c *pos.Caller) { c.Active = idThree }), `{}`, idTwo, "", 0},
		{"a session whose choice cannot be read is asked", with(two, func(c *pos.Caller) { c.Lost = true }), `{}`, idTwo, "", 0},
		{"a pin wins", with(two, func(c *pos.Caller) { c.Pin = idOne }), `{}`, idTwo, idOne, 0},
		{"one business needs no choice", person(shop(idOne, "La Ceiba")), `{}`, idTwo, idOne, 0},
		{"a key has no last choice", twoShops(), `{}`, idTwo, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := set(t, plain("visit"))
			last := &lastChoice{id: tt.last}
			s.Follow(last)
			r := call(t, s, tt.caller, "visit", tt.args)
			switch {
			case tt.want == "" && r.Code != pos.NeedsBusiness:
				t.Errorf("%s %s; want to be asked", r.Code, r.Text)
			case tt.want != "" && !strings.Contains(string(r.Structured), `"at":["`+tt.want+`"]`):
				t.Errorf("%s; want %s", r.Structured, tt.want)
			}
			if last.asked != tt.asked {
				t.Errorf("asked %d times, want %d", last.asked, tt.asked)
			}
		})
	}
}

// What was answered before a choice is not answered again after it.
func TestSteadyAnswersFollowTheChoice(t *testing.T) {
	t.Parallel()
	s := set(t, plain("who", func(s *tool.Spec[none]) { s.Steady = true }))
	last := &lastChoice{id: idOne}
	s.Follow(last)
	c := person(twoShops().Businesses...)
	for _, id := range []string{idOne, idTwo, idOne} {
		last.id = id
		if _, ok := s.Recall(t.Context(), &c, []byte("who"), nil); ok {
			t.Error("answered from memory")
		}
		if r := call(t, s, c, "who", `{}`); !strings.Contains(string(r.Structured), id) {
			t.Errorf("%s; want %s", r.Structured, id)
		}
	}
	c.Active = idTwo
	call(t, s, c, "who", `{}`)
	if r, ok := s.Recall(t.Context(), &c, []byte("who"), nil); !ok || !strings.Contains(string(r.Structured), idTwo) {
		t.Errorf("a session's own choice is not remembered: %t %s", ok, r.Structured)
	}
}

func TestLastChoiceCannotBeRead(t *testing.T) {
	t.Parallel()
	s := set(t, plain("visit"))
	s.Follow(&lastChoice{err: pos.Errorf(pos.UpstreamDown, "no database").WithCause(errors.New("x"))})
	c := person(twoShops().Businesses...)
	if p := fails(t, s, c, "visit", `{}`); p.Code != pos.UpstreamDown || !p.Retryable {
		t.Errorf("%+v", p)
	}
}

// Who may choose: a person with several businesses and no pin.
func TestWhoMayChoose(t *testing.T) {
	t.Parallel()
	s := set(t, plain("choose", func(s *tool.Spec[none]) { s.For, s.Effect, s.Where = tool.Several, tool.Chooses, tool.Nowhere }))
	two := person(twoShops().Businesses...)
	for _, tt := range []struct {
		name   string
		caller pos.Caller
		may    bool
	}{
		{"a person with two businesses", two, true},
		{"read-only", with(two, func(c *pos.Caller) { c.ReadOnly = true }), true},
		{"with a pin", with(two, func(c *pos.Caller) { c.Pin = idOne }), false},
		{"a person with one", person(shop(idOne, "La Ceiba")), false},
		{"a key", oneShop(), false},
		{"an operator", operator("here", stay(idOne, "A", "here", false), stay(idTwo, "B", "here", false)), false},
	} {
		listed := len(s.List(tt.caller)) == 1
		r := call(t, s, tt.caller, "choose", `{}`)
		if listed != tt.may || (r.Code == "") != tt.may || !tt.may && r.Code != pos.RoleMissing {
			t.Errorf("%s: listed %t, %q %s; want %t", tt.name, listed, r.Code, r.Text, tt.may)
		}
	}
}
