package reports

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

// namer turns keys into what people read. Names of things are read once, for the keys that are shown.
type namer struct {
	b     pos.Business
	lang  pos.Lang
	names map[string]string
}

const namesSQL = `-- reports: names of groups
SELECT id::text, name FROM location WHERE business_id = @business AND id = ANY (@ids::uuid[])
UNION ALL
SELECT id::text, name FROM category WHERE business_id = @business AND id = ANY (@ids::uuid[])
UNION ALL
SELECT id::text, name FROM product WHERE business_id = @business AND id = ANY (@ids::uuid[])
UNION ALL
SELECT user_id::text, name FROM staff WHERE business_id = @business AND user_id = ANY (@ids::uuid[])`

func newNamer(ctx context.Context, q postgres.Querier, b pos.Business, lang pos.Lang, keys []string) (namer, error) {
	n := namer{b, lang, map[string]string{}}
	var ids []string
	for _, k := range keys {
		id, _, _ := strings.Cut(k, " ") // a register's key begins with its location
		if pos.ValidID(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return n, nil
	}
	r, err := q.Query(ctx, namesSQL, pgx.StrictNamedArgs{"business": b.ID, "ids": ids})
	if err != nil {
		return n, fmt.Errorf("names of groups: %w", err)
	}
	var id, name string
	_, err = pgx.ForEachRow(r, []any{&id, &name}, func() error {
		n.names[id] = pos.Clip(pos.Clean(name), 60)
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("names of groups: %w", err)
	}
	return n, nil
}

// label is a key as people read it.
func (n namer) label(by, key string) string {
	switch by {
	case "hour":
		return n.hour(key)
	case "weekday":
		return n.weekday(key)
	case "week":
		return n.lang.Say("semana del ", "week of ") + key
	case "quincena":
		d, err := pos.ParseDate(key)
		if err != nil {
			return key
		}
		return key + n.lang.Say(" al ", " to ") + strconv.Itoa(d.QuincenaEnd().Day())
	case "tax_rate":
		bp, _ := strconv.ParseFloat(key, 64)
		return n.lang.Say("impuesto ", "tax ") + tool.Number(bp/100) + " %"
	case "payment_method":
		return method(key, n.lang)
	case "channel":
		return ChannelName(pos.Clean(key), n.lang)
	case "register":
		location, register, _ := strings.Cut(key, " ")
		if register == "" {
			return n.none(by)
		}
		return pos.Clean(register) + " (" + n.names[location] + ")"
	case "business":
		return pos.Clean(n.b.Name)
	case "location", "category", "product", "staff":
		if name := n.names[key]; name != "" {
			return name
		}
		return n.none(by)
	}
	return pos.Clean(key)
}

// key is a key on the wire: words for hours and weekdays, percent for tax rates.
func (n namer) key(by, key string) string {
	switch by {
	case "hour":
		return n.hour(key)
	case "weekday":
		days := []string{"", "mon", "tue", "wed", "thu", "fri", "sat", "sun"}
		if i, err := strconv.Atoi(key); err == nil && i < len(days) {
			return days[i]
		}
	case "tax_rate":
		bp, _ := strconv.ParseFloat(key, 64)
		return tool.Number(bp / 100)
	}
	return pos.Clean(key)
}

// hour is the wall clock at which the nth hour of the business day begins.
func (n namer) hour(key string) string {
	i, err := strconv.Atoi(key)
	if err != nil {
		return key
	}
	return n.b.MinuteClock(i * 60)
}

func (n namer) weekday(key string) string {
	i, err := strconv.Atoi(key)
	if err != nil {
		return key
	}
	return Weekday(time.Weekday(i%7), n.lang)
}

// Weekday is the name of a day of the week.
func Weekday(d time.Weekday, lang pos.Lang) string {
	if lang == pos.EN {
		return d.String()
	}
	return []string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}[d]
}

func method(word string, lang pos.Lang) string {
	switch word {
	case "cash":
		return lang.Say("efectivo", "cash")
	case "card":
		return lang.Say("tarjeta", "card")
	case "transfer":
		return lang.Say("transferencia", "transfer")
	case "credit":
		return lang.Say("crédito (fiado)", "credit")
	case "other":
		return lang.Say("otro", "other")
	case "unpaid":
		return lang.Say("sin pago", "unpaid")
	}
	return word
}

func (n namer) none(by string) string {
	switch by {
	case "category":
		return n.lang.Say("sin categoría", "no category")
	case "staff":
		return n.lang.Say("sin vendedor", "no staff")
	case "register":
		return n.lang.Say("sin caja", "no register")
	}
	return n.lang.Say("sin nombre", "no name")
}
