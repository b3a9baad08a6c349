package ui

// Connect asks an organization's owner whether an OAuth 2.0 client may have access to the organization's directory.
type Connect struct {
	Frame
	Client       string // its name
	Organization string // its name
	Host         string // where the answer goes
	Hidden       []Field
	Notice       string // a sentence above the form; empty: none
}

// Field is a value that a form carries along.
type Field struct{ Name, Value string }

func (Connect) template() string { return "connect.html" }
