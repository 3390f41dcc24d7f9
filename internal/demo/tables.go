package demo

import "strings"

// table names one of the tables that the demo writes, in the order in which foreign keys allow writing.
type table int

const (
	tUser table = iota
	tBusiness
	tBusinessUser
	tBusinessModule
	tLocation
	tCategory
	tProduct
	tVariant
	tPriceHistory
	tSupplier
	tProductSupplier
	tCustomer
	tInventory
	tLedger
	tCashSession
	tCashMovement
	tSale
	tDetail
	tPayment
	tArea
	tTable
	tOrder
	tOrderItem
	tReceivable
	tReceivablePayment
	tBoard
	tPhase
	tStep
	tTimeEntry
	tInvoiceDraft
	tCapacity
	tableCount
)

// spec is how a table is written. A row that exists keeps its columns but for those named in renew.
type spec struct {
	name    string
	columns string
	key     string
	renew   string
}

func (t table) spec() spec {
	return [tableCount]spec{
		tUser:              {name: `"user"`, columns: "id, firebase_uid, email, display_name, is_active"},
		tBusiness:          {name: "business", columns: "id, name, business_type, industry_segment, day_cut, plan, guardrails, created_at"},
		tBusinessUser:      {name: "business_user", columns: "business_id, user_id, unique_role_name, is_active"},
		tBusinessModule:    {name: "business_module", columns: "business_id, module"},
		tLocation:          {name: "location", columns: "business_id, id, name, address, timezone, hours"},
		tCategory:          {name: "category", columns: "business_id, id, name, category_code"},
		tProduct:           {name: "product", columns: "business_id, id, category_id, name, sku, barcode, kind, price_minor, cost_minor, unit, tax_rate_bp, track_stock, status, created_at, updated_at"},
		tVariant:           {name: "product_variant", columns: "business_id, id, product_id, name, sku, barcode, price_minor, cost_minor, is_default, created_at, updated_at"},
		tPriceHistory:      {name: "price_history", columns: "business_id, id, variant_id, price_minor, cost_minor, valid_from, changed_by"},
		tSupplier:          {name: "supplier", columns: "business_id, id, name, lead_time_days"},
		tProductSupplier:   {name: "product_supplier", columns: "business_id, variant_id, supplier_id, cost_minor, pack_size, moq"},
		tCustomer:          {name: "customer", columns: "business_id, id, name, tax_id, tax_name, tax_address, phone, email, credit_limit_minor, is_active"},
		tInventory:         {name: "inventory", columns: "business_id, location_id, variant_id, quantity, reserved, cost_minor, reorder_point, target_days", key: "business_id, variant_id, location_id", renew: "quantity, cost_minor"},
		tLedger:            {name: "inventory_ledger", columns: "business_id, id, location_id, variant_id, kind, delta, balance, at, user_id, reference, reason"},
		tCashSession:       {name: "cash_session", columns: "business_id, id, location_id, register, opened_by, opened_at, closed_at, float_minor, expected_minor, counted_minor", key: "business_id, id", renew: "closed_at, expected_minor, counted_minor"},
		tCashMovement:      {name: "cash_movement", columns: "business_id, id, session_id, kind, amount_minor, at, reason"},
		tSale:              {name: "sale", columns: "business_id, id, location_id, number, type, parent_sale_id, status, customer_id, staff_id, session_id, channel, opened_at, closed_at, business_day, gross_minor, discount_minor, tax_minor, total_minor, paid_minor, tip_minor, voided_at, voided_by, void_reason, discount_by, discount_reason, fel_status, fel_uuid, note"},
		tDetail:            {name: "sale_detail", columns: "business_id, id, sale_id, line_no, product_id, variant_id, description, quantity, unit_price_minor, unit_cost_minor, discount_minor, tax_rate_bp, tax_minor, total_minor, business_day, location_id"},
		tPayment:           {name: "payment", columns: "business_id, id, sale_id, method, amount_minor, tip_minor, at, reference_last4"},
		tArea:              {name: "dining_area", columns: "business_id, id, location_id, name"},
		tTable:             {name: "dining_table", columns: "business_id, id, area_id, name, seats"},
		tOrder:             {name: `"order"`, columns: "business_id, id, location_id, table_id, sale_id, status, opened_at, closed_at, guest_count, staff_id", key: "business_id, id", renew: "sale_id, status, closed_at"},
		tOrderItem:         {name: "order_item", columns: "business_id, id, order_id, product_id, variant_id, quantity, unit_price_minor, status, fired_at, voided_at, void_reason", key: "business_id, id", renew: "status"},
		tReceivable:        {name: "receivable", columns: "business_id, id, customer_id, sale_id, document_number, issued_on, due_on, status, amount_minor, balance_minor"},
		tReceivablePayment: {name: "receivable_payment", columns: "business_id, id, receivable_id, amount_minor, method, at"},
		tBoard:             {name: "psa_board", columns: "business_id, id, customer_id, name, status, manager_id, starts_on, due_on, fee_minor", key: "business_id, id", renew: "status"},
		tPhase:             {name: "psa_phase", columns: "business_id, id, board_id, name, position, status, due_on", key: "business_id, id", renew: "status"},
		tStep:              {name: "psa_step", columns: "business_id, id, phase_id, name, position, status, due_on, hours_budgeted, hours_used, rate_minor, billable, invoiced", key: "business_id, id", renew: "status, hours_used, invoiced"},
		tTimeEntry:         {name: "psa_time_entry", columns: "business_id, id, step_id, user_id, worked_on, hours, billable, note"},
		tInvoiceDraft:      {name: "psa_invoice_draft", columns: "business_id, id, board_id, issued_on, amount_minor, status", key: "business_id, id", renew: "status"},
		tCapacity:          {name: "staff_capacity", columns: "business_id, user_id, weekly_hours"},
	}[t]
}

// conflict is the clause for a row that may exist already.
func (s spec) conflict() string {
	if s.key == "" {
		return ""
	}
	var set []string
	for c := range strings.SplitSeq(s.renew, ", ") {
		set = append(set, c+" = EXCLUDED."+c)
	}
	return " ON CONFLICT (" + s.key + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// batch is what a stretch of days writes, by table.
type batch [tableCount]rows

func (b *batch) row(t table) *rows { return b[t].row(columnCount[t]) }

// columnCount is the number of columns of each table, counted once.
var columnCount = func() (n [tableCount]int) {
	for t := range tableCount {
		n[t] = strings.Count(t.spec().columns, ",") + 1
	}
	return n
}()

func (b *batch) size() (bytes int) {
	for t := range b {
		bytes += len(b[t].b)
	}
	return bytes
}
