package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

// provisioning makes a random command about settings, OAuth clients, tokens or schemas.
func (w *world) provisioning(org directory.OrganizationID) command.Payload {
	urn := w.urn()
	switch n := w.IntN(20); {
	case n < 2:
		return w.putSettings()
	case n < 5:
		return &command.CreateClient{
			ID: w.client(org), Name: w.name("Client ", 3), SecretHash: w.hash(9), RedirectURIs: []string{"https://idp0/callback"},
		}
	case n < 6:
		return &command.DeleteClient{ID: w.client(org)}
	case n < 12:
		return w.createToken(org)
	case n < 13:
		return &command.RevokeToken{ID: w.token()}
	case n < 15:
		return w.touchTokens()
	case n < 18:
		return w.putSchema(org, urn)
	default:
		return &command.DeleteSchema{URN: urn}
	}
}

func (w *world) token() directory.TokenID { return directory.TokenID(w.name("token", 8)) }

// client gives one of an organization's clients, sometimes another's.
func (w *world) client(org directory.OrganizationID) directory.ClientID {
	if w.IntN(8) == 0 {
		return "org0-client0"
	}
	return directory.ClientID(w.name(string(org)+"-client", 2))
}

// urn gives one of few URNs, two of which differ in letter case only.
func (w *world) urn() string {
	if w.IntN(8) == 0 {
		return "URN:xx:s0"
	}
	return w.name("urn:xx:s", 3)
}

func (w *world) putSettings() *command.PutSettings {
	p := &command.PutSettings{ExpectVersion: w.expect(w.view.Settings().Version)}
	for range w.IntN(3) {
		p.Plans = append(p.Plans, directory.Plan{Name: w.name("plan", 2), SCIM: w.IntN(2) == 0})
	}
	if w.IntN(2) == 0 {
		p.DefaultPlan = w.name("plan", 2)
	}
	p.NewSCIM = directory.ProvisioningState(w.IntN(9) / 2)
	p.RequestRate = w.IntN(3) - 1
	return p
}

// createToken makes mostly what is allowed: a bearer token, an access token, or one with its refresh token.
func (w *world) createToken(org directory.OrganizationID) *command.CreateToken {
	p := new(command.CreateToken)
	client := w.client(org)
	for _, kind := range [][]directory.TokenKind{
		{directory.TokenBearer}, {directory.TokenBearer}, {directory.TokenAccess}, {directory.TokenAccess, directory.TokenRefresh},
		{directory.TokenAccess, directory.TokenRefresh}, {directory.TokenRefresh, directory.TokenAccess}, {3}, nil,
	}[w.IntN(8)] {
		token := command.NewToken{ID: w.token(), Hash: w.hash(16), Name: "t", Kind: kind, Client: client}
		if kind == directory.TokenBearer && w.IntN(9) > 0 {
			token.Client = ""
		}
		if w.IntN(3) > 0 {
			token.Expires = w.now + directory.Time(w.IntN(60_000_000))
		}
		p.Tokens = append(p.Tokens, token)
	}
	if w.IntN(3) == 0 {
		p.Consume = w.hash(250)
		p.ConsumeExpiry = w.now + directory.Time(w.IntN(20_000_000)) - 1_000_000
	}
	return p
}

func (w *world) touchTokens() *command.TouchTokens {
	p := new(command.TouchTokens)
	for range w.IntN(4) {
		p.Uses = append(p.Uses, command.TokenUse{
			Organization: directory.OrganizationID(w.name("org", 4)), ID: w.token(),
			At: w.now + directory.Time(w.IntN(2_000_000)) - 1_000_000, IP: w.name("192.0.2.", 3),
		})
	}
	return p
}

func (w *world) putSchema(org directory.OrganizationID, urn string) *command.PutSchema {
	p := &command.PutSchema{URN: urn, Resource: "User", Document: w.name(`{"n":`, 2) + "}"}
	if d, ok := w.view.Directory(org); ok {
		if schema, ok := d.Schema(urn); ok {
			p.ExpectVersion = w.expect(schema.Version)
		}
	}
	switch w.IntN(12) {
	case 0:
		p.Resource = "Group"
	case 1:
		p.Resource = "Device"
	case 2:
		p.URN = "no urn"
	case 3:
		p.ExpectVersion = 3
	}
	return p
}

// values gives the members that a document holds of extension schemas.
func (w *world) values() string {
	if w.IntN(4) == 0 {
		return w.name(`,"urn:xx:s`, 3) + `":{"a":1}`
	}
	return ""
}
