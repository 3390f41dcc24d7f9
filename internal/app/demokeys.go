package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// demoKeyKinds are the keys of the demo; the first is the one that flowpos call uses. The user is who the key is for.
func demoKeyKinds() []demoKeyKind {
	return []demoKeyKind{
		{"ana-tienda-full", "tienda", "ana", pos.AllScopes()},
		{"ana-tienda-readonly", "tienda", "ana", []pos.Scope{pos.ScopePOSRead, pos.ScopeReportsRead}},
		{"ana-comedor-full", "comedor", "ana", pos.AllScopes()},
		{"ana-taller-full", "taller", "ana", pos.AllScopes()},
		{"luis-ferreteria-full", "ferreteria", "luis", pos.AllScopes()},
		{"operator", "", "", pos.AllScopes()},
	}
}

type demoKeyKind struct {
	name, business, user string
	scopes               []pos.Scope
}

func (d *demoRun) keyFile() string { return filepath.Join(d.dir, "keys.json") }

// keys returns the demo's keys: those of an earlier start where they are still in force, new ones otherwise.
func (d *demoRun) keys(ctx context.Context, owner *pgxpool.Pool, state demo.State) ([]demoKey, error) {
	kept, err := d.readKeys()
	if err != nil {
		return nil, err
	}
	var out []demoKey
	for _, kind := range demoKeyKinds() {
		key, err := kind.describe(state)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(kept, func(k demoKey) bool { return k.Name == kind.name }); i >= 0 {
			ok, err := credential.InForce(ctx, owner, kept[i].Key)
			if err != nil {
				return nil, err
			}
			if ok {
				key.Key = kept[i].Key
			}
		}
		if key.Key == "" {
			if key.Key, err = kind.create(ctx, owner, state); err != nil {
				return nil, fmt.Errorf("key %s: %w", kind.name, err)
			}
		}
		out = append(out, key)
	}
	return out, writePrivate(d.keyFile(), out)
}

func (d *demoRun) readKeys() ([]demoKey, error) {
	b, err := os.ReadFile(d.keyFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var keys []demoKey
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; start over with --fresh", d.keyFile(), err)
	}
	return keys, nil
}

// describe is the key's entry in the credentials file, without the key itself.
func (k demoKeyKind) describe(state demo.State) (demoKey, error) {
	key := demoKey{Name: k.name, Role: string(pos.RoleMerchant), Scopes: strings.Fields(pos.JoinScopes(k.scopes, " "))}
	if k.business == "" {
		key.Role = string(pos.RoleOperator)
		return key, nil
	}
	b, ok := state.Business(k.business)
	if !ok {
		return key, fmt.Errorf("the demo has no business %s; start over with --fresh", k.business)
	}
	key.BusinessID, key.Business = b.ID, b.Name
	return key, nil
}

func (k demoKeyKind) create(ctx context.Context, owner *pgxpool.Pool, state demo.State) (string, error) {
	spec := credential.NewKeySpec{Role: pos.RoleMerchant, Scopes: k.scopes, Label: k.name}
	if k.business == "" {
		spec.Role = pos.RoleOperator
	} else {
		b, _ := state.Business(k.business)
		u, _ := state.User(k.user)
		spec.BusinessID, spec.UserID = b.ID, u.ID
	}
	raw, _, err := credential.CreateKey(ctx, owner, spec)
	return raw, err
}
