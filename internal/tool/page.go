package tool

import (
	"encoding/json"
	"fmt"

	"github.com/flowpos/flowpos-backend/internal/pos"
)

// PageOf makes the Page of a list that was read with one row more than wanted, and cuts that row off. place returns a
// row's count of all matches and its position in the order; question names the question that the cursor continues.
func PageOf[R any](rows *[]R, want int, question string, place func(R) (total int, after any)) (*Page, error) {
	p := &Page{Total: len(*rows)}
	if len(*rows) > 0 {
		p.Total, _ = place((*rows)[0])
	}
	if len(*rows) <= want {
		return p, nil
	}
	*rows = (*rows)[:want]
	p.Truncated = true
	_, after := place((*rows)[want-1])
	var err error
	p.NextCursor, err = pos.EncodeCursor(question, after)
	return p, err
}

// Question names what a cursor continues: the tool, the business, and the arguments that choose and order the rows. Leave
// the page's own arguments (ListArgs) out of args.
func Question(tool string, c pos.Caller, args ...any) (string, error) {
	b, err := json.Marshal(args)
	return fmt.Sprintf("%s %s %s", tool, c.Business().ID, b), err
}

// roomForRows is what the rows of a list may take of the 20,000 bytes that no text goes beyond; the rest is for totals,
// warnings and the cursor.
const roomForRows = 17_000

// Fit is how many of the rows fit the answer: want, or fewer when their text, which write makes, grows too long. What is
// left over is the next page.
func Fit[R any](c pos.Caller, fields []string, rows []R, want int, write func(R, *Text)) (int, error) {
	size := 0
	for i, r := range rows[:min(len(rows), want)] {
		if len(fields) > 0 { // the text is then name=value, about as long as the JSON
			b, err := json.Marshal(r)
			if err != nil {
				return 0, err
			}
			size += len(b)
		} else {
			t := NewText(c.Lang, c.Business().Currency)
			write(r, t)
			size += t.Len()
		}
		if size > roomForRows && i > 0 {
			return i, nil
		}
	}
	return want, nil
}
