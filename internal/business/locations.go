package business

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/postgres"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var locationsSpec = tool.Spec[locationsArgs]{
	Name:    "list_locations",
	Title:   tool.Title{ES: "Sucursales", EN: "Locations"},
	About:   "The branches of the business by name: address, opening hours, whether each is open now, and its registers. For figures by branch use get_sales_by_location.",
	Scopes:  tool.Scopes{pos.ScopePOSRead},
	Effect:  tool.Reads,
	Where:   tool.One,
	For:     tool.Everyone,
	Default: tool.EveryKind,
	Toolset: pos.ToolsetContext,
	Example: locationsArgs{},
}

type locationsArgs struct {
	Active *bool `json:"active,omitempty" jsonschema:"only active (true) or only closed-down (false) branches; both when left out"`
	tool.ListArgs
}

type locations struct {
	Locations []location `json:"locations" jsonschema:"branches, by name"`
}

type location struct {
	ID        string              `json:"id"`
	Name      string              `json:"name"`
	Address   string              `json:"address,omitempty"`
	Hours     map[string][]string `json:"hours,omitempty" jsonschema:"opening and closing time by weekday, mon to sun; a day left out is closed"`
	OpenNow   bool                `json:"open_now"`
	Registers []string            `json:"registers,omitempty"`
	Active    bool                `json:"active"`
}

// locationPlace is a position in the order of locations, for cursors.
// Names are cut there and here at the same length: long ones would make cursors beyond their limit.
type locationPlace struct {
	Name string `json:"n"`
	ID   pos.ID `json:"i"`
}

const locationsSQL = `-- business: locations
SELECT l.id,
       l.name,
       l.address,
       l.timezone,
       l.hours,
       l.is_active,
       left(fold(l.name), 60) AS folded,
       ARRAY(SELECT DISTINCT c.register
             FROM cash_session c
             WHERE c.business_id = l.business_id AND c.location_id = l.id
             ORDER BY 1) AS registers,
       (SELECT count(*)::int FROM location x
        WHERE x.business_id = @business AND (@active::boolean IS NULL OR x.is_active = @active)) AS total
FROM location l
WHERE l.business_id = @business
  AND (@active::boolean IS NULL OR l.is_active = @active)
  AND (@after_name::text IS NULL OR (left(fold(l.name), 60), l.id) > (@after_name, @after_id::uuid))
ORDER BY folded, l.id
LIMIT @rows`

type locationRow struct {
	ID        string
	Name      string
	Address   string
	Timezone  string
	Hours     map[string][]string
	IsActive  bool
	Folded    string
	Registers []string
	Total     int
}

func (s *Service) locations(ctx context.Context, c pos.Caller, in locationsArgs) (a tool.Answer[locations, struct{}], err error) {
	var after locationPlace
	question := fmt.Sprint("list_locations ", c.Business().ID, in.Active == nil, in.Active != nil && *in.Active)
	if in.Cursor != "" {
		if err := pos.DecodeCursor(in.Cursor, question, &after); err != nil {
			return a, err
		}
	}
	var rows []locationRow
	err = s.DB.Read(ctx, c, func(q postgres.Querier) error {
		r, err := q.Query(ctx, locationsSQL, pgx.StrictNamedArgs{
			"business": c.Business().ID, "active": in.Active,
			"after_name": nullable(after.Name), "after_id": after.ID.Ptr(), "rows": in.Rows() + 1,
		})
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(r, pgx.RowToStructByName[locationRow])
		return err
	})
	if err != nil {
		return a, fmt.Errorf("locations: %w", err)
	}
	if a.Page, err = tool.PageOf(&rows, in.Rows(), question, func(r locationRow) (int, any) {
		return r.Total, locationPlace{r.Folded, pos.ID(r.ID)}
	}); err != nil {
		return a, err
	}
	a.Data.Locations = make([]location, len(rows))
	for i, r := range rows {
		a.Data.Locations[i] = location{r.ID, pos.Clean(r.Name), pos.Clean(r.Address), r.Hours, openAt(s.Now(), r.Timezone, r.Hours), cleaned(r.Registers), r.IsActive}
	}
	a.Body = a.Data.text
	a.Next("get_sales_by_location", "get_inventory")
	return a, nil
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// openAt says whether the clock of the zone stands within the day's hours; closing after midnight belongs to the day
// before.
func openAt(now time.Time, zone string, hours map[string][]string) bool {
	z, err := time.LoadLocation(zone)
	if err != nil {
		return false
	}
	local := now.In(z)
	clock := local.Format("15:04")
	if h := hours[weekday(local.AddDate(0, 0, -1))]; len(h) == 2 && h[1] < h[0] && clock < h[1] {
		return true
	}
	h := hours[weekday(local)]
	return len(h) == 2 && clock >= h[0] && (clock < h[1] || h[1] < h[0])
}

func weekday(t time.Time) string { return strings.ToLower(t.Format("Mon")) }

func (d locations) text(t *tool.Text) {
	if len(d.Locations) == 0 {
		t.Line("No hay sucursales.", "There are no locations.")
		return
	}
	rows := make([][]any, len(d.Locations))
	for i, l := range d.Locations {
		state := t.Lang.Say("cerrada ahora", "closed now")
		if l.OpenNow {
			state = t.Lang.Say("abierta ahora", "open now")
		}
		if !l.Active {
			state = t.Lang.Say("inactiva", "inactive")
		}
		rows[i] = []any{l.Name, state, tool.Plain(hoursText(t.Lang, l.Hours)), l.Address + registersText(t.Lang, l.Registers)}
	}
	t.Table([]string{t.Lang.Say("Sucursal", "Location"), t.Lang.Say("Estado", "State"), t.Lang.Say("Horario", "Hours"), t.Lang.Say("Dirección", "Address")}, rows)
}

// hoursText joins days with equal hours: "lun-vie 08:00-20:00, sáb 08:00-14:00".
func hoursText(lang pos.Lang, hours map[string][]string) string {
	days := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	names := days
	if lang == pos.ES {
		names = []string{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"}
	}
	var parts []string
	for i := 0; i < len(days); {
		j, h := i, hours[days[i]]
		for j+1 < len(days) && slices.Equal(hours[days[j+1]], h) {
			j++
		}
		if len(h) == 2 {
			name := names[i]
			if j > i {
				name += "-" + names[j]
			}
			parts = append(parts, name+" "+h[0]+"-"+h[1])
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// cleaned are texts that people typed, fit to show.
func cleaned(typed []string) []string {
	out := make([]string, len(typed))
	for i, s := range typed {
		out[i] = pos.Clean(s)
	}
	return out
}

func registersText(lang pos.Lang, registers []string) string {
	if len(registers) == 0 {
		return ""
	}
	return " (" + lang.Say("cajas", "registers") + ": " + strings.Join(registers, ", ") + ")"
}
