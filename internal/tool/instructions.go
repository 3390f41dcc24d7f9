package tool

import "github.com/flowpos/flowpos-backend/internal/pos"

// Instructions is a stub.
func (s *Set) Instructions(c pos.Caller) string { return "" }
