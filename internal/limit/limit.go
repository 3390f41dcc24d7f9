// Package limit counts what is asked for and says how long to wait once it is too much. It knows kinds, windows and a
// clock; who is counted, and what a refusal looks like, is its users' business.
//
// A window begins with the first thing counted in it and ends after its time, so that the windows of different callers
// end at different moments. At most Most things fit in one window, hence at most twice that in any stretch of its
// length. Why windows and not a leaking bucket: docs/decisions/0007-limits.md.
package limit

import "time"

// Kind is what is counted.
type Kind uint8

// The kinds.
const (
	Reads       Kind = iota // calls of tools that change nothing of a business
	Writes                  // calls of tools that add or change
	Exports                 // files made; no tool does yet
	Requests                // HTTP requests of a known credential, whatever they ask
	Refused                 // requests whose credential is not in force
	Looks                   // such requests that may ask the database all the same
	Asking                  // requests of assistants for a person's consent
	Registering             // clients that register themselves
	kinds
)

// String is the kind as metrics name it.
func (k Kind) String() string {
	return [kinds]string{"reads", "writes", "exports", "requests", "refused", "looks", "asking", "registering"}[k]
}

// Rate is how many of a kind fit in a window.
type Rate struct {
	Most int
	Per  time.Duration
}

// Rates are the limits of each kind. A zero Rate is no limit.
type Rates [kinds]Rate

// PerCredential are the limits of one credential. Requests are ten for each read: a client that opens a session for
// every call makes five.
func PerCredential() Rates {
	return Rates{
		Reads:    {120, time.Minute},
		Writes:   {60, time.Hour},
		Exports:  {20, 24 * time.Hour},
		Requests: {1200, time.Minute},
	}
}

// PerAddress are the limits of one address. Looks are for credentials of others behind the same address that this
// instance has not met: without them a neighbour's mistake would lock them out.
func PerAddress() Rates {
	return Rates{
		Refused: {30, time.Minute},
		Looks:   {10, time.Minute},
		// An assistant's servers register for all of its people from few addresses; a person behind one asks once or twice.
		Asking:      {60, time.Minute},
		Registering: {30, time.Minute},
	}
}

// Seconds rounds a wait up to whole seconds, as Retry-After and sentences give it: whoever waits so long is admitted.
func Seconds(wait time.Duration) int {
	return int((wait + time.Second - 1) / time.Second)
}
