package pos

import (
	"log/slog"
	"time"
)

// LogLine is what gives the fields of its line in a log one by one: the way of log/slog, a list of attributes in memory,
// was the dearest part of a plain call. Such a value goes to a log as an attribute without a key. It is an
// slog.LogValuer too, by LogGroup, for handlers that do not know it.
type LogLine interface {
	slog.LogValuer
	Fields(f LogFields)
}

// LogFields takes the fields of a line.
type LogFields interface {
	Text(name, value string)
	Number(name string, n int64)
	Duration(name string, d time.Duration)
}

// LogGroup is a line as log/slog's handlers take it.
func LogGroup(l LogLine) slog.Value {
	var a attributes
	l.Fields(&a)
	return slog.GroupValue(a...)
}

type attributes []slog.Attr

func (a *attributes) Text(name, value string)               { *a = append(*a, slog.String(name, value)) }
func (a *attributes) Number(name string, n int64)           { *a = append(*a, slog.Int64(name, n)) }
func (a *attributes) Duration(name string, d time.Duration) { *a = append(*a, slog.Duration(name, d)) }
