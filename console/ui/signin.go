package ui

// Frame is what every page shows around its content.
type Frame struct {
	Title  string // of the browser's tab; the product's name is added
	Region string // name of the hosting region that answers
	Dev    bool   // a banner says that this is no place for real people
}

// Region is one choice of the region picker.
type Region struct {
	Name    string // "European Union"
	URL     string // the same page in that region; unused for the present one
	Current bool
}

// Login asks who wants to sign in, and where.
type Login struct {
	Frame
	Regions      []Region
	Remembered   bool   // this browser has signed in here before
	Organization string // with an organization's own link: its name; then no address is asked for
	Slug         string // and its slug
	Email        string // to begin with, as an application knows it; empty: none
	ReturnTo     string
	Local        string // where people without an identity provider go; empty: nowhere
	Notice       string // a sentence above the form; empty: none
}

// Home says who is signed in.
type Home struct {
	Frame
	Name         string
	Email        string
	Organization string
	Expires      string // as people read it
	ExpiresAt    string // RFC 3339
	Emergency    bool   // the session is for the settings of sign-in only
	Keys         bool   // the person has passkeys and codes to manage here
}

// SignOut asks whether to sign out.
type SignOut struct {
	Frame
	Name string
}

// Tone is the mood of a message.
type Tone string

// The tones.
const (
	ToneCalm    Tone = "calm"    // nothing is wrong
	ToneNotice  Tone = "notice"  // something to do for the person or an administrator
	ToneTrouble Tone = "trouble" // something of ours or of a provider's is wrong
)

// Message tells the person what happened and what to do next.
type Message struct {
	Frame
	Tone      Tone
	Heading   string
	Text      string
	Advice    string // what to do about it; empty: nothing
	Reference string // to read out to an administrator; empty: none
	Action    string // the button's text; empty: no button
	Retry     string // id of the connection that the button starts a sign-in with; empty: the button leads to Link
	ReturnTo  string // where that sign-in is to lead; empty: nowhere in particular
	Link      string // a path on this origin
	Back      string // path of the way back to the application that wanted the sign-in; empty: none
}

func (Login) template() string   { return "login.html" }
func (Home) template() string    { return "home.html" }
func (SignOut) template() string { return "signout.html" }
func (Message) template() string { return "message.html" }
