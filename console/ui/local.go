package ui

// LocalSignIn asks people who sign in without an identity provider for a passkey, and for what else there is.
type LocalSignIn struct {
	Frame
	Action       string // where the forms go: its paths end in /passkey, /recovery and /mail
	Emergency    bool   // the entrance of root users and break-glass addresses: with recovery codes instead of mailed codes
	Options      string // for the browser's WebAuthn API, as JSON; empty: no passkeys here
	Organization string // slug of the organization, if it is known
	ReturnTo     string
	Notice       string // a sentence above the forms; empty: none
}

// MailedCode asks for the code of a mail, which was sent if what came before was right.
type MailedCode struct {
	Frame
	Action string // where the form goes
	Back   string // where to start again
	Notice string // a sentence above the form; empty: none
}

// SetUp lets the owner of an address set up a passkey and recovery codes.
type SetUp struct {
	Frame
	Action       string // where the forms go: its paths end in /passkey and /codes
	Organization string
	Email        string
	Options      string // as of LocalSignIn
	Passkeys     int    // that there are already
	Codes        bool   // recovery codes can be made
	Notice       string
}

// RecoveryCodes shows new recovery codes, once.
type RecoveryCodes struct {
	Frame
	Passkey string // name of a passkey that was added with them; empty: none
	Email   string
	Codes   []string
	Where   string // address at which they are used
	Next    string // where to add a passkey; empty: not offered
	Link    string // where to go on
	Action  string // text of that link
}

// Keys lists what somebody signs in with here.
type Keys struct {
	Frame
	Email    string
	Passkeys []Passkey
	Action   string // where the forms go: its paths end in /passkey, /remove and /codes
	Options  string // as of LocalSignIn; empty also when the sign-in is not fresh
	Codes    bool   // there can be recovery codes
	Left     int    // that were not used yet
	Fresh    bool   // the sign-in is young enough to change something
	Again    string // where to sign in again
	Notice   string
}

// Passkey is one row of Keys.
type Passkey struct {
	ID       string // for the form
	Name     string
	Created  string // as people read it
	LastUsed string // as people read it; empty: never
}

func (LocalSignIn) template() string   { return "local.html" }
func (MailedCode) template() string    { return "code.html" }
func (SetUp) template() string         { return "setup.html" }
func (RecoveryCodes) template() string { return "codes.html" }
func (Keys) template() string          { return "keys.html" }

// Scripted tells whether a page runs our script: those that ask the browser for a passkey.
func Scripted(page Page) bool {
	switch page := page.(type) {
	case LocalSignIn:
		return page.Options != ""
	case SetUp:
		return page.Options != ""
	case Keys:
		return page.Options != ""
	default:
		return false
	}
}
