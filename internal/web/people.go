package web

import (
	"context"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

// People know who somebody is in FlowPOS. Account fails with a *pos.Error of kind RoleMissing for nobody of ours.
type People interface {
	Account(ctx context.Context, uid string) (credential.AccountInfo, error)
}

// Grants are the assistants that people have let in.
type Grants interface {
	List(ctx context.Context, uid string) ([]credential.MemberGrant, error)
	Revoke(ctx context.Context, uid, id string) error
}
