// Package pos holds the words of the business that every other package speaks: who calls (Caller), what they may do
// (Scope, Role, MemberRole), where (Business), and the values of a shop: Money, Quantity, Date, Period, Page, and the
// one kind of error that a caller may read (Error). It knows no database, no protocol and no tool.
//
// One word per thing, in code, SQL, JSON and documents:
//
//	business   a merchant's company; the operator's word for it is tenant
//	location   a branch
//	order      what list_orders lists: a row of sale, of type sale, return or exchange
//	line       a row of sale_detail
//	register   a till; drawer, shift: a cash session at a register
//	staff      people with a membership in a business
//	net        sales less discounts less returns, tax included
//	day        a business day: the shop's clock, less its day cut
package pos
