package tool

import "github.com/flowpos/flowpos-backend/internal/pos"

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
