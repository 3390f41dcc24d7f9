package web

import (
	"context"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
	"github.com/flowpos/flowpos-backend/internal/pos"
)

// People know who somebody is in FlowPOS. Account fails with a *pos.Error of kind RoleMissing for nobody of ours.
type People interface {
	Account(ctx context.Context, uid string) (AccountInfo, error)
}

// AccountInfo is what FlowPOS knows of somebody who signed in.
type AccountInfo struct {
	UserID, Name string
	Businesses   []credential.Membership
}

// Grants are the assistants that people have let in.
type Grants interface {
	List(ctx context.Context, uid string) ([]MemberGrant, error)
	Revoke(ctx context.Context, uid, id string) error
}

// MemberGrant is one of them, as its person may see it.
type MemberGrant struct {
	ID         string
	Client     string // its name; empty: a token that the person made for themselves
	Host       string
	Scopes     []pos.Scope
	Businesses []string // names; none: all that the person may enter
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	ExpiresAt  time.Time
}
