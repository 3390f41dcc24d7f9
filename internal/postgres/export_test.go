package postgres

import "time"

// TableNames is tableNames.
func TableNames() ([]string, error) { return tableNames() }

// Note is Clock.note.
func Note(c *Clock, before, after, database time.Time) { c.note(before, after, database) }
