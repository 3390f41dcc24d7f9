// Package demo fills a database with four believable businesses: what `flowpos demo` shows, what examples of tools are
// run on, and what tests of other packages may use as a crowd of rows.
//
// Everything follows from a seed. A day at a branch is a function of (seed, business, branch, day) and of at most the
// five weeks before it, never of the moment at which it is generated, so a day comes out the same whether it is
// generated at once or topped up later. What makes that possible:
//
//   - demand is drawn for the whole day and then cut at now; nothing is drawn "from now on";
//   - what a branch has of a product is brought to a drawn level on the product's delivery days (stock.go), so whether
//     it is sold out depends on the demand since the last delivery and on nothing older;
//   - prices and projects are functions of the calendar, not of a running state.
//
// The loader (load.go) writes everything in one transaction, so a generation that was interrupted leaves nothing.
// The marker table flowpos_demo is made here, not by a migration: a production schema never has it.
package demo
