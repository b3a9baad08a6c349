package directory

import "domicile/seal"

// RequestState is where an owner's request for a connection stands. Numbers are append-only.
type RequestState uint8

const (
	// RequestDraft is being written.
	RequestDraft RequestState = 0
	// RequestSubmitted waits for an operator's review.
	RequestSubmitted RequestState = 1
	// RequestReturned was reviewed: changes are requested.
	RequestReturned RequestState = 2
	// RequestApproved was reviewed and may be activated.
	RequestApproved RequestState = 3
	// RequestActive is in force: its connection is as the request says, until a newer request for it is.
	RequestActive RequestState = 4
	// RequestDisabled was in force; its connection is turned off.
	RequestDisabled RequestState = 5
)

var requestStateNames = [...]string{"draft", "submitted", "changes_requested", "approved", "active", "disabled"}

// Valid tells whether s is one of the states.
func (s RequestState) Valid() bool { return int(s) < len(requestStateNames) }

// String names the state as the API does.
func (s RequestState) String() string {
	if !s.Valid() {
		return "unknown"
	}
	return requestStateNames[s]
}

// ParseRequestState reads what String gives; ok is false for any other text.
func ParseRequestState(name string) (s RequestState, ok bool) {
	for i, known := range requestStateNames {
		if name == known {
			return RequestState(i), true //nolint:gosec // a small index
		}
	}
	return 0, false
}

// requestSteps are the steps that a request may take; who may take which is the door's to say.
var requestSteps = map[RequestState][]RequestState{
	RequestDraft:     {RequestSubmitted},
	RequestSubmitted: {RequestDraft, RequestReturned, RequestApproved},
	RequestReturned:  {RequestDraft, RequestSubmitted},
	RequestApproved:  {RequestDraft, RequestActive},
	RequestActive:    {RequestDisabled},
	RequestDisabled:  {RequestActive},
}

// May tells whether a request may go from s to next in one step.
func (s RequestState) May(next RequestState) bool {
	for _, step := range requestSteps[s] {
		if step == next {
			return true
		}
	}
	return false
}

// Editable tells whether a request's choices may be changed. Changing those of a submitted or approved one takes it back to
// a draft, so that nothing is activated that nobody reviewed.
func (s RequestState) Editable() bool { return s != RequestActive && s != RequestDisabled }

const (
	// MaxRequests bounds the requests of an organization.
	MaxRequests = 20
	// MaxBreakGlass bounds the break-glass addresses of an organization.
	MaxBreakGlass = 5
	// MaxNote bounds what a reviewer says, in bytes.
	MaxNote = 2000
)

// ConnectionRequest is what an owner wants of a connection, and how far the review of it is. It is in force once it is
// active: then the connection has its choices and domains, and the organization its break-glass addresses.
type ConnectionRequest struct {
	ID           ConnectionRequestID
	Organization OrganizationID
	Connection   ConnectionID // that it makes or changes
	RequestChoices
	State    RequestState
	Note     string // what the reviewer said last
	Author   string // actor of the last edit
	Reviewer string // actor of the last review
	Created  Time
	Modified Time
	Version  uint64
}

// RequestChoices is what an owner chooses.
type RequestChoices struct {
	Issuer        string
	ClientID      string
	ClientSecret  seal.Sealed // place as of Connection.ClientSecret; empty: the connection's own stays
	SecretExpires Time
	ConnectionSettings
	Domains    []string // associated domains, to be proved; the connection is for them
	BreakGlass []string // folded addresses, each in one of Domains or a subdomain of it
	Phone      PhonePolicy
}

// PhonePolicy says what provisioned people may do with their telephone number.
type PhonePolicy struct {
	MayChange   bool // they may set another one themselves
	MustConfirm bool // a changed one counts only once it is confirmed
}

// Validate checks the fields that a person chose.
func (c *RequestChoices) Validate() error {
	if err := c.Registration().Validate(); err != nil {
		return err
	}
	return c.Fits()
}

// Registration gives what is chosen of a connection.
func (c *RequestChoices) Registration() *Connection {
	return &Connection{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, SecretExpires: c.SecretExpires,
		ConnectionSettings: c.ConnectionSettings, Domains: c.Domains,
	}
}

// Fits is Validate as the ledger can repeat it: without reading web addresses, which toolchains do differently.
func (c *RequestChoices) Fits() error {
	if err := c.Registration().fits(); err != nil {
		return err
	}
	return ValidateBreakGlass(c.BreakGlass, c.Domains)
}

// ValidateBreakGlass wants at most MaxBreakGlass folded ASCII addresses, each once and in one of the domains or a subdomain
// of one. ASCII, because nobody should mistake one for another, and because the ledger asks, too, which must not depend on a
// toolchain's Unicode tables.
func ValidateBreakGlass(addresses, domains []string) error {
	if len(addresses) > MaxBreakGlass {
		return Errorf(KindTooLarge, "break_glass", "at most %d break-glass addresses", MaxBreakGlass)
	}
	seen := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		domain := EmailDomain(address)
		if domain == "" || !IsASCII(address) || Fold(address) != address {
			return Errorf(KindInvalid, "break_glass", "%q is not an e-mail address", Cut(address, maxNameLength))
		}
		if seen[address] {
			return Errorf(KindInvalid, "break_glass", "%q is listed twice", address)
		}
		seen[address] = true
		if !within(domain, domains) {
			return Errorf(KindInvalid, "break_glass", "%q is in none of the organization's domains, nor in a subdomain of one", address)
		}
	}
	return nil
}

// within tells whether a domain is one of domains or below one.
func within(domain string, domains []string) bool {
	for _, parent := range domains {
		if domain == parent || len(domain) > len(parent) && domain[len(domain)-len(parent)-1:] == "."+parent {
			return true
		}
	}
	return false
}
