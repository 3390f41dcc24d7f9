package pos_test

import (
	"testing"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

func TestMemoIsOfOneCredentialAndOnePlace(t *testing.T) {
	t.Parallel()
	c := pos.Caller{Memo: new(pos.Memo)}
	c.Remember("list", 1)
	same := c
	if v, ok := same.Recall("list"); !ok || v != 1 {
		t.Errorf("a copy of the caller recalls %v, %v", v, ok)
	}
	for name, change := range map[string]func(*pos.Caller){
		"readonly":         func(c *pos.Caller) { c.ReadOnly = true },
		"pinned":           func(c *pos.Caller) { c.Pin = "b" },
		"another business": func(c *pos.Caller) { c.Active = "b" },
		"read anew":        func(c *pos.Caller) { c.Memo = new(pos.Memo) },
		"without a memo":   func(c *pos.Caller) { c.Memo = nil },
	} {
		other := c
		change(&other)
		if v, ok := other.Recall("list"); ok {
			t.Errorf("%s: recalls %v", name, v)
		}
		other.Remember("list", 2)
	}
	if v, _ := c.Recall("list"); v != 1 {
		t.Errorf("the first recalls %v after others remembered theirs", v)
	}
}

func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	c := pos.Caller{Memo: new(pos.Memo)}
	for i := range 1000 {
		c.Active = string(rune('a' + i))
		c.Remember("list", i)
	}
	kept := 0
	for i := range 1000 {
		c.Active = string(rune('a' + i))
		if _, ok := c.Recall("list"); ok {
			kept++
		}
	}
	if kept == 0 || kept > 100 {
		t.Errorf("%d of 1000 kept", kept)
	}
}
