package app

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/salesimport"
)

// ImportSalesCmd is `flowpos import sales`. It may be repeated and interrupted; it fails only when it was stopped or no
// line could be used, because lines that are left out are reported and counted.
type ImportSalesCmd struct {
	File     string `arg:"" help:"CSV file with a header line, plain or packed with gzip." type:"path"`
	Business string `required:"" help:"Business that the sales go to: name or id."`
	Map      string `required:"" help:"Which column holds what, such as invoice=InvoiceNo,item=StockCode,at=InvoiceDate,price=UnitPrice,quantity=Quantity,description=Description,customer=CustomerID. The first four are needed; columns are joined with a plus: at=date+time."`
	Location string `help:"Branch that made the sales; needed when the business has several. With --create its name, Principal by default."`
	Source   string `help:"Names the system that the file comes from; invoices are known by it. Default: the file's name without extensions."`
	DryRun   bool   `help:"Read and report everything, write nothing."`

	Create   bool   `help:"Make the business, with one location."`
	Type     string `enum:",retail,restaurant,services" default:"" help:"With --create: retail (default), restaurant or services."`
	Currency string `help:"With --create: currency of two decimals. Default: GTQ."`
	Timezone string `help:"With --create: zone of the file's times. Default: America/Guatemala."`
	TaxRate  string `help:"With --create: tax inside the prices, in percent. Default: 12."`

	TimeLayout   string `default:"auto" help:"How times are written: auto (the column has to prove whether day or month comes first), dmy, mdy, or a layout that writes the moment 2 January 2006, 15:04:05."`
	Encoding     string `default:"utf-8" enum:"utf-8,windows-1252" help:"Text encoding of the file: ${enum}."`
	Delimiter    string `enum:",comma,semicolon,tab,pipe" default:"" help:"What separates columns: comma, semicolon, tab or pipe. Default: what the header uses."`
	DecimalComma bool   `help:"Numbers are written 1.234,50."`
	Refused      string `help:"File that gets every line that was not used and every known invoice that differs, with the reason (CSV)." type:"path"`
	ownerFlag
}

// Run imports the file and prints the summary.
func (c *ImportSalesCmd) Run(ctx context.Context, std IO) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	pool, err := c.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	printer := &salesimport.Printer{Out: std.Err, Terminal: isTerminal(std.Err), Now: time.Now}
	closeDetails, err := c.details(printer)
	if err != nil {
		return err
	}
	started := time.Now()
	sum, err := salesimport.Run(ctx, pool, o, printer)
	printer.Done()
	if closed := closeDetails(); err == nil {
		err = closed
	}
	if sum.Lines > 0 {
		sum.Print(std.Out, time.Since(started))
	}
	return err
}

func (c *ImportSalesCmd) options() (salesimport.Options, error) {
	m, err := salesimport.ParseMap(c.Map)
	if err != nil {
		return salesimport.Options{}, err
	}
	o := salesimport.Options{
		Path: c.File, Map: m, Business: c.Business, Location: c.Location, Source: c.Source, DryRun: c.DryRun,
		TimeLayout: c.TimeLayout, Encoding: c.Encoding, DecimalComma: c.DecimalComma,
		Separator: map[string]string{"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[c.Delimiter],
	}
	if !c.Create {
		if c.Type+c.Currency+c.Timezone+c.TaxRate != "" {
			return o, errors.New("--type, --currency, --timezone and --tax-rate describe a business that --create makes; give --create too, or leave them out")
		}
		return o, nil
	}
	rate, err := pos.ParseMoney(cmp.Or(c.TaxRate, "12")) // percent with two decimals: basis points
	if err != nil || rate < 0 || rate > 10000 {
		return o, fmt.Errorf("--tax-rate %q is not a percentage from 0 to 100, such as 12", c.TaxRate)
	}
	o.Create = &salesimport.NewBusiness{Type: cmp.Or(c.Type, "retail"), Currency: cmp.Or(c.Currency, "GTQ"),
		Timezone: cmp.Or(c.Timezone, "America/Guatemala"), TaxRateBP: int(rate)}
	return o, nil
}

// pool connects as flowpos_owner. An import uses three connections.
func (c *ImportSalesCmd) pool(ctx context.Context) (*pgxpool.Pool, error) {
	if c.DatabaseURL == "" {
		return nil, errors.New("DATABASE_OWNER_URL is not set; give the URL of PostgreSQL as flowpos_owner (of the demo: databaseUrl in its credentials file)")
	}
	cfg, err := pgxpool.ParseConfig(c.DatabaseURL)
	if err != nil {
		return nil, errNotOwnerURL
	}
	cfg.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, postgres.Translate(err)
	}
	if err := postgres.CheckOwner(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// details opens the file of refused lines, if one is wanted.
func (c *ImportSalesCmd) details(p *salesimport.Printer) (closeFile func() error, err error) {
	if c.Refused == "" {
		return func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.Refused, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--refused: %w", err)
	}
	p.Details = csv.NewWriter(f)
	if err := p.Details.Write([]string{"line", "invoice", "reason", "detail"}); err != nil {
		return nil, fmt.Errorf("--refused: %w", err)
	}
	return func() error {
		p.Details.Flush()
		return errors.Join(p.Details.Error(), f.Close())
	}, nil
}
