package directory

import "strings"

// SignInWay is the door of a sign-in. Numbers are append-only.
type SignInWay uint8

const (
	// WayProvider is the organization's identity provider.
	WayProvider SignInWay = 1
	// WayLocal is a passkey or a code of ours, of the root user or of an invited person.
	WayLocal SignInWay = 2
	// WayBreakGlass is a break-glass address.
	WayBreakGlass SignInWay = 3
)

// WayOf gives the door that a session came by.
func WayOf(kind SessionKind) SignInWay { return SignInWay(kind) + WayProvider }

// String names the way as the API does.
func (w SignInWay) String() string {
	if names := [...]string{"", "provider", "local", "break_glass"}; int(w) < len(names) {
		return names[w]
	}
	return ""
}

// Valid tells whether there is such a way.
func (w SignInWay) Valid() bool { return w.String() != "" }

// SignIn is one line of an organization's log of sign-ins: somebody signed in, or was refused. It never holds what a stranger
// typed or a provider said. Rows are immutable and ordered by (Seq, Ordinal).
type SignIn struct {
	Seq     uint64
	Ordinal uint32
	At      Time
	Way     SignInWay

	Reason    string // the door's code for why it was refused; empty: it was not
	Reference string // that the log line has, and the page where it shows one; empty: neither
	More      int    // refusals alike that have no row of their own, because there were too many at a time

	Connection ConnectionID // of WayProvider
	User       ResourceID   // of a refusal: whom the identity was taken for, where it was for anybody
	Session    SessionID    // that was opened
	Email      string       // of the root user's and break-glass addresses, else empty
	Linked     bool         // the identity was tied to the user by this sign-in
	Agent      string       // family of the browser, such as "Firefox on Linux"
	Address    string       // of the browser
}

// Bounds of an organization's logs of sign-ins. They are two, so that whoever is refused pushes nobody out who signed in.
const (
	MaxSignIns      = 5000
	MaxRefusals     = 1000
	SignInLife      = 365 * day
	MaxRefusalBatch = 100 // refusals in one command
	MaxRefusalAge   = day // how long ago a refusal may be that is written down
)

// Refused tells whether the row is a refusal.
func (r *SignIn) Refused() bool { return r.Reason != "" }

// Fit gives the row with texts of its own, each within its bound.
func (r SignIn) Fit() *SignIn {
	for _, text := range []*string{
		&r.Reason, &r.Reference, (*string)(&r.Connection), (*string)(&r.User), (*string)(&r.Session), &r.Email, &r.Agent, &r.Address,
	} {
		*text = strings.Clone(Cut(*text, MaxSessionText))
	}
	r.More = max(r.More, 0)
	return &r
}
