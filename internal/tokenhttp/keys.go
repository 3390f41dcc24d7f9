package tokenhttp

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// created is the one answer that holds a raw key.
type created struct {
	RawKey string               `json:"rawKey"`
	Key    credential.MemberKey `json:"key"`
}

// createKey is POST /mcp/keys.
func (h *Handler) createKey(r *http.Request) (int, any, error) {
	uid, err := h.manager(r)
	if err != nil {
		return 0, nil, err
	}
	f, err := readFields(r)
	if err != nil {
		return 0, nil, err
	}
	spec, err := h.keySpec(f)
	if err != nil {
		return 0, nil, err
	}
	raw, key, err := h.o.Keys.Create(r.Context(), uid, spec)
	return http.StatusCreated, created{raw, key}, err
}

const maxLabel = 100

// keySpec reads what key is wanted.
func (h *Handler) keySpec(f fields) (s credential.NewKeySpec, err error) {
	if err := f.only("businessId", "role", "scopes", "label", "expiresAt"); err != nil {
		return s, err
	}
	var scopes []string
	for _, m := range []struct {
		name, kind string
		to         any
	}{
		{"businessId", "the id of a business", &s.BusinessID},
		{"role", "merchant or tenant_developer", &s.Role},
		{"scopes", "a list of scopes", &scopes},
		{"label", "a text", &s.Label},
		{"expiresAt", "a moment such as 2027-01-31T00:00:00Z", &s.ExpiresAt},
	} {
		if err := f.read(m.name, m.kind, m.to); err != nil {
			return s, err
		}
	}
	if s.Scopes, err = scopesOf(scopes); err != nil {
		return s, err
	}
	switch {
	case s.Role == pos.RoleOperator: // credential says why
	case s.Role != pos.RoleMerchant && s.Role != pos.RoleDeveloper:
		return s, invalid("role must be merchant or tenant_developer")
	case s.BusinessID == "":
		return s, invalid("businessId is missing; say which business the key is for")
	case len(s.Scopes) == 0:
		return s, invalid("scopes is missing; there are: %s", pos.JoinScopes(pos.AllScopes(), ", "))
	case utf8.RuneCountInString(s.Label) > maxLabel || strings.Contains(s.Label, "\x00"):
		return s, invalid("label must be a text of at most %d characters", maxLabel)
	case s.ExpiresAt != nil && !s.ExpiresAt.After(h.o.Now()):
		return s, invalid("expiresAt is not in the future")
	case s.ExpiresAt != nil && s.ExpiresAt.After(h.o.Now().Add(100*365*24*time.Hour)):
		return s, invalid("expiresAt is more than 100 years away; leave it out for a key without an end")
	}
	return s, nil
}

func scopesOf(words []string) ([]pos.Scope, error) {
	var out []pos.Scope
	for _, w := range words {
		s, err := pos.ParseScopes(w)
		if err != nil || len(s) != 1 || string(s[0]) != w {
			return nil, invalid("there is no scope %q; there are: %s", pos.Clip(pos.Clean(w), 40), pos.JoinScopes(pos.AllScopes(), ", "))
		}
		for _, had := range out {
			if had == s[0] {
				return nil, invalid("the scope %s is there twice", w)
			}
		}
		out = append(out, s[0])
	}
	return out, nil
}

// listKeys is GET /mcp/keys?businessId=.
func (h *Handler) listKeys(r *http.Request) (int, any, error) {
	uid, err := h.manager(r)
	if err != nil {
		return 0, nil, err
	}
	business := r.URL.Query().Get("businessId")
	if business == "" {
		return 0, nil, invalid("businessId is missing: GET /mcp/keys?businessId=…")
	}
	keys, err := h.o.Keys.List(r.Context(), uid, business)
	if keys == nil {
		keys = []credential.MemberKey{}
	}
	return http.StatusOK, keys, err
}

// revokeKey is PATCH /mcp/keys/{id}/revoke. A body is not read: the path says all.
func (h *Handler) revokeKey(r *http.Request) (int, any, error) {
	uid, err := h.manager(r)
	if err != nil {
		return 0, nil, err
	}
	key, err := h.o.Keys.Revoke(r.Context(), uid, id(r))
	return http.StatusOK, key, err
}

// deleteKey is DELETE /mcp/keys/{id}.
func (h *Handler) deleteKey(r *http.Request) (int, any, error) {
	uid, err := h.manager(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, h.o.Keys.Delete(r.Context(), uid, id(r))
}
