package postgres

// TableNames is tableNames.
func TableNames() ([]string, error) { return tableNames() }
