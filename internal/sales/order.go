package sales

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var orderSpec = tool.Spec[orderArgs]{
	Name:  "get_order",
	Title: tool.Title{ES: "Una orden", EN: "One order"},
	About: "One order in full, by its number or id; the newest completed one without either: lines, discounts, taxes, tips, payments, what was returned or exchanged, customer, staff, table, tax document and timeline. " +
		"Costs are for managers; numbers of people and cards are masked. To find an order use list_orders.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetSales,
	Example: orderArgs{},
}

type orderArgs struct {
	OrderID string `json:"order_id,omitzero" jsonschema:"id of the order" maxlen:"60"`
	Number  string `json:"number,omitzero" jsonschema:"number of the order, instead of order_id" maxlen:"60"`
	Cursor  string `json:"cursor,omitzero" jsonschema:"next_cursor, for the lines after the first 40"`
}

// linesPerPage keeps an order's text below 6,000 bytes; imported invoices have up to 1,100 lines.
const linesPerPage = 40

type orderData struct {
	Order order `json:"order"`
}

type order struct {
	ID          string        `json:"id"`
	Number      string        `json:"number"`
	Type        string        `json:"type" jsonschema:"sale, return or exchange; the amounts of a return are what went back"`
	Status      string        `json:"status"`
	At          time.Time     `json:"at" jsonschema:"closed, or opened, on the branch's clock"`
	BusinessDay string        `json:"business_day"`
	Location    string        `json:"location"`
	LocationID  string        `json:"location_id"`
	Channel     string        `json:"channel"`
	Staff       string        `json:"staff,omitempty"`
	Customer    *customer     `json:"customer,omitempty"`
	Table       *table        `json:"table,omitempty"`
	Lines       []line        `json:"lines"`
	Gross       pos.Money     `json:"gross"`
	Discounts   *discount     `json:"discounts,omitempty"`
	Tax         pos.Money     `json:"tax"`
	Taxes       []tax         `json:"taxes" jsonschema:"by rate"`
	Total       pos.Money     `json:"total" jsonschema:"tax inside, without tip"`
	Tips        pos.Money     `json:"tips,omitzero"`
	Paid        pos.Money     `json:"paid" jsonschema:"other than on credit"`
	Balance     pos.Money     `json:"balance,omitzero" jsonschema:"still owed"`
	Payments    []paymentItem `json:"payments,omitempty"`
	Refunds     []related     `json:"refunds,omitempty" jsonschema:"returns and exchanges of this order"`
	Parent      *related      `json:"parent,omitempty" jsonschema:"the order that this one returns or exchanges"`
	FEL         *fel          `json:"fel,omitempty" jsonschema:"the tax document, if there is one"`
	Timeline    []event       `json:"timeline"`
	Note        string        `json:"note,omitempty"`
}

type customer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	NITMasked   string `json:"nit_masked,omitempty"`
	PhoneMasked string `json:"phone_masked,omitempty"`
}

type table struct {
	Name   string `json:"name"`
	Area   string `json:"area"`
	Guests int    `json:"guests"`
}

type line struct {
	Line      int          `json:"line"`
	ProductID string       `json:"product_id"`
	Name      string       `json:"name"`
	Quantity  pos.Quantity `json:"quantity"`
	Unit      string       `json:"unit"`
	UnitPrice pos.Money    `json:"unit_price"`
	UnitCost  *pos.Money   `json:"unit_cost,omitempty" jsonschema:"when sold; managers only"`
	Discount  pos.Money    `json:"discount,omitzero"`
	TaxRate   float64      `json:"tax_rate" jsonschema:"percent"`
	Tax       pos.Money    `json:"tax"`
	Total     pos.Money    `json:"total"`
}

type discount struct {
	Amount pos.Money `json:"amount"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

type tax struct {
	Rate float64   `json:"rate" jsonschema:"percent"`
	Base pos.Money `json:"base" jsonschema:"without the tax"`
	Tax  pos.Money `json:"tax"`
}

type paymentItem struct {
	Method          string    `json:"method"`
	Amount          pos.Money `json:"amount" jsonschema:"without tip and change"`
	Tip             pos.Money `json:"tip,omitzero"`
	At              time.Time `json:"at"`
	ReferenceMasked string    `json:"reference_masked,omitempty"`
}

type related struct {
	ID     string    `json:"id"`
	Number string    `json:"number"`
	Type   string    `json:"type"`
	At     time.Time `json:"at"`
	Total  pos.Money `json:"total"`
}

type fel struct {
	Status string `json:"status"`
	UUID   string `json:"uuid,omitempty"`
}

type event struct {
	At   time.Time `json:"at"`
	What string    `json:"what" jsonschema:"opened, closed, return, exchange or voided"`
	By   string    `json:"by,omitempty"`
	Note string    `json:"note,omitempty"`
}

func (s *Service) order(ctx context.Context, c pos.Caller, in orderArgs) (a tool.Answer[orderData, struct{}], err error) {
	if in.OrderID != "" && in.Number != "" {
		return a, pos.Errorf(pos.Invalid, "order_id and number are both given").WithFix("give one of them")
	}
	wanted := strings.TrimPrefix(strings.TrimSpace(in.OrderID+in.Number), "#")
	var head orderHead
	var parts orderParts
	var after, total int
	var question string
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		if head, err = findOrder(ctx, q, c, wanted); err != nil {
			return err
		}
		if question, err = tool.Question("get_order", c, head.ID); err != nil {
			return err
		}
		if after = 0; in.Cursor != "" {
			if err := pos.DecodeCursor(in.Cursor, question, &after); err != nil {
				return err
			}
		}
		parts, err = readParts(ctx, q, c, head.ID, after)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("order %s: %w", wanted, err)
	}
	if len(parts.Lines) > 0 {
		total = parts.Lines[0].Count
	}
	if a.Page, err = tool.PageOf(&parts.Lines, linesPerPage, question, func(r lineRow) (int, any) { return r.Count, r.LineNo }); err != nil {
		return a, err
	}
	manages := c.Business().Role.Manages()
	a.Data.Order = head.order(parts, manages)
	a.Body = func(t *tool.Text) { a.Data.Order.text(t, total) }
	if !a.Page.Truncated && after == 0 {
		a.Page = nil
	}
	if !manages {
		a.Warn(c, "Los costos son para gerentes", "Costs are for managers")
	}
	a.Next("list_orders", "get_products")
	return a, nil
}
