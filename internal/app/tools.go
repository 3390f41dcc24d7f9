package app

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/flowpos/flowpos-backend/internal/limit"

	"github.com/flowpos/flowpos-backend/internal/tool"
)

type toolsCmd struct{}

// Run prints the documentation of every tool.
func (toolsCmd) Run(std IO) error {
	set, err := toolSet(nil, slog.New(slog.DiscardHandler), time.Now, limit.PerCredential(), nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(std.Out, tool.Document(set.Tools()))
	return err
}
