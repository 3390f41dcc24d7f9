// Package script is what the servers beside ours are told: the keys they know, the answers they give, which were recorded
// from ours, and the queries that stand behind one of them. It is written as JSON, for Node too.
package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Script is everything a server beside ours knows.
type Script struct {
	Database   string          `json:"database"` // URL as flowpos_app
	Pool       int             `json:"pool"`     // most connections, as ours
	Keys       []string        `json:"keys"`
	Tokens     []string        `json:"tokens,omitempty"` // as good as keys, and in no database
	Answers    []Answer        `json:"answers"`
	Business   string          `json:"business"`   // whose rows the queries read
	Statements []Statement     `json:"statements"` // what a Queries answer runs first, in one transaction
	Tools      json.RawMessage `json:"tools"`      // the list that Node builds its own from
}

// Answer is one request, as the bytes of its body, and what comes back.
type Answer struct {
	Name    string            `json:"name"`
	Request string            `json:"request"`
	Does    Does              `json:"does"`
	Status  int               `json:"status"`
	Header  map[string]string `json:"header"`
	Body    string            `json:"body"`
}

// Does says what happens besides the answer.
type Does string

// What can happen besides.
const (
	Nothing Does = ""
	Opens   Does = "opens"   // a session begins
	Queries Does = "queries" // the statements run
	Tells   Does = "tells"   // an event goes out on the session's stream
)

// Event is the message of a Tells, as the product sends it.
const Event = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`

// Statement is one query of the transaction.
type Statement struct {
	SQL  string `json:"sql"`
	Args Args   `json:"args"`
	Rows int    `json:"rows"` // that it gives; another number is a wrong answer
}

// Args are arguments of a query that come out of JSON as they went in: texts, lists of texts, numbers, booleans and null.
type Args []any

// UnmarshalJSON implements json.Unmarshaler.
func (a *Args) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var in []any
	if err := d.Decode(&in); err != nil {
		return err
	}
	for i, v := range in {
		switch v := v.(type) {
		case nil, string, bool:
		case json.Number:
			if n, err := v.Int64(); err == nil {
				in[i] = n
			} else if in[i], err = v.Float64(); err != nil {
				return err
			}
		case []any:
			texts := make([]string, len(v))
			for j := range v {
				s, ok := v[j].(string)
				if !ok {
					return fmt.Errorf("argument %d: a list of other things than texts", i+1)
				}
				texts[j] = s
			}
			in[i] = texts
		default:
			return fmt.Errorf("argument %d is a %T", i+1, v)
		}
	}
	*a = in
	return nil
}

// Find is the answer with a name.
func (s *Script) Find(name string) (Answer, error) {
	for _, a := range s.Answers {
		if a.Name == name {
			return a, nil
		}
	}
	return Answer{}, fmt.Errorf("the script has no answer %s", name)
}

// Write puts the script into a file that only its owner reads: it holds keys.
func (s *Script) Write(path string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// Read is the script in a file.
func Read(path string) (*Script, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(Script)
	return s, json.Unmarshal(b, s)
}
