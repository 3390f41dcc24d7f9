// Package salesimport brings the sales of another system, kept in a CSV file, into one business. The rules are those
// of data.md ("Import of real sales"): a row is known by business, source, invoice and its ordinal within the invoice,
// never by its content.
//
// The file is read more than once. The first reading (survey) learns what only the whole file can tell: where each
// invoice ends, which way round its dates are, what its items are called. The second (gather) hands out an invoice as
// soon as its last line has passed, and the loader writes whole invoices in batches. What is held in memory is one small
// entry per invoice, item and customer, one batch, and the lines of invoices that are not complete yet; when those
// become too many, the invoices that end last are put off to another reading. So a file of any size, in any order,
// needs no temporary copy, neither here nor in the database.
//
// Parsing (columns.go, lines.go, number.go, when.go, row.go, invoice.go) is pure; target.go, lock.go, known.go, load.go and
// write.go know SQL.
package salesimport
