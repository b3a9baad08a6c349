package ui

// LeaveApplication asks whether to sign out, because an application wants it.
type LeaveApplication struct {
	Frame
	Name        string // of the person; empty: nobody knows
	Application string // its name; empty: none that is known here
	Action      string // where the answer goes
	Hidden      []Field
}

func (LeaveApplication) template() string { return "leave.html" }
