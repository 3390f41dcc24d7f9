package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// translate turns a database failure into what a caller may read; anything else passes unchanged.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*pos.Error](err); ok {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translateCode(pg, err)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !connecting {
		return err
	}
	if connectionLost(err) {
		return down(err)
	}
	return err
}

func translateCode(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "57014" || pg.Code == "55P03" || pg.Code == "25P03": // statement, lock or idle-in-transaction timeout
		return tooLong(err)
	case pg.Code == "40001" || pg.Code == "40P01":
		return pos.Errorf(pos.Conflict, "another change happened at the same moment").WithFix("try again").WithCause(err)
	case pg.Code == "53100":
		return pos.Errorf(pos.StorageFull, "the database has no room left").WithCause(err)
	case pg.Code == "53300":
		return pos.Errorf(pos.Overloaded, "the service is busy").WithFix("try again in a few seconds").WithCause(err)
	case strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "28"), pg.Code == "3D000":
		return down(err)
	}
	return err
}

func tooLong(err error) error {
	return pos.Errorf(pos.Overloaded, "the question took too long").
		WithFix("ask for a shorter period or fewer groups, or try again in a few seconds").WithCause(err)
}

func down(err error) error {
	return pos.Errorf(pos.UpstreamDown, "the database cannot be reached at the moment").
		WithFix("try again in a few seconds").WithCause(err)
}

// connectionLost says whether err is about reaching the server, as opposed to what it answered.
func connectionLost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "conn closed")
}

// Translate is translate for questions asked through Pool, before a business is known.
func Translate(err error) error { return translate(err) }

func undefinedTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42P01"
}
