package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// connecting makes a command about connection requests, domains, applications, keys or providers.
func (w *world) connecting(org directory.OrganizationID) command.Payload {
	switch n := w.IntN(40); {
	case n < 6:
		return w.putRequest(org)
	case n < 19:
		return w.stepRequest(org)
	case n < 20:
		return &command.DeleteRequest{ID: w.request()}
	case n < 24:
		return &command.PutDomain{Name: w.domain(), Challenge: w.name("challenge", 3)}
	case n < 31:
		return w.lookDomain(org)
	case n < 32:
		return &command.DeleteDomain{Name: w.domain()}
	case n < 35:
		return w.putApplication()
	case n < 36:
		return &command.DeleteApplication{ID: w.application()}
	case n < 38:
		return w.putSigningKey()
	default:
		return w.putProvider()
	}
}

// putProvider keeps what a node saw that mostly knows what is kept.
func (w *world) putProvider() *command.PutProvider {
	p := &command.PutProvider{
		Issuer: w.name("https://idp", 3), Document: directory.ProviderDocument(1 + w.IntN(2)),
		Fetched: w.now + 60_000_000 - directory.Time(w.IntN(60))*120_000_000, Life: directory.Time(w.IntN(3)) * 300_000_000,
	}
	if held, ok := w.view.Provider(p.Issuer); ok && w.IntN(5) > 0 {
		p.Seen = held.Copy(p.Document).Hash()
	}
	if w.IntN(2) == 0 {
		p.Text = w.name("document", 3)
	}
	if w.IntN(2) == 0 {
		p.Moves = append(p.Moves, directory.ProviderMove{Endpoint: "jwks_uri", From: w.name("host", 3), To: w.name("host", 3)})
	}
	return p
}

// pin offers a signing algorithm, or answers an offer.
func (w *world) pin(org directory.OrganizationID) command.Payload {
	connection := directory.ConnectionID(w.name(string(org)+"-connection", 2))
	if w.IntN(2) == 0 {
		return &command.OfferAlgorithm{Connection: connection, Algorithm: w.algorithm()}
	}
	return &command.PinAlgorithm{Connection: connection, Algorithm: w.algorithm()}
}

// algorithm is of a token, rarely not told.
func (w *world) algorithm() string {
	if w.IntN(6) == 0 {
		return ""
	}
	return w.name("ES", 3)
}

func (w *world) request() directory.ConnectionRequestID {
	return directory.ConnectionRequestID(w.name("request", 4))
}

func (w *world) domain() string {
	if w.IntN(20) == 0 {
		return "Not a domain"
	}
	return w.name("d", 4) + ".example"
}

// domains gives some domains or none, rarely one that may not be.
func (w *world) domains() (list []string) {
	if w.IntN(3) == 0 {
		return nil
	}
	for _, domain := range []string{"d0.example", "d1.example", "d2.example"} {
		if w.IntN(2) == 0 {
			list = append(list, domain)
		}
	}
	if w.IntN(30) == 0 {
		list = append(list, w.domain())
	}
	return list
}

// breakGlass gives a few addresses in some of the domains, sometimes one that may not be.
func (w *world) breakGlass(domains ...string) (list []string) {
	for range max(0, w.IntN(4)-1) {
		if len(domains) > 0 {
			list = append(list, w.name("glass", 3)+"@"+domains[w.IntN(len(domains))])
		}
	}
	if w.IntN(15) == 0 {
		list = append(list, w.name("glass", 2))
	}
	return list
}

func (w *world) choices() directory.ConnectionSettings {
	s := directory.ConnectionSettings{AuthMethod: directory.AuthBasic, MaxAge: int64(w.IntN(2)) * 60, JustInTime: w.IntN(2) == 0}
	if w.IntN(3) == 0 {
		s.AuthMethod, s.Scopes, s.Prompt = directory.AuthPrivateKey, []string{"groups"}, "login"
	}
	return s
}

func (w *world) secret() seal.Sealed {
	if w.IntN(3) == 0 {
		return nil
	}
	return seal.Sealed(w.name("sealed", 9))
}

// secretExpires gives few times, so that some stay the same.
func (w *world) secretExpires() directory.Time { return dawn * directory.Time(w.IntN(3)) / 2 }

func (w *world) putRequest(org directory.OrganizationID) *command.PutRequest {
	p := &command.PutRequest{ID: w.request(), Connection: directory.ConnectionID(w.name(string(org)+"-connection", 3))}
	p.Issuer, p.ClientID, p.ClientSecret = w.name("https://idp", 2), w.name("client", 9), w.secret()
	p.SecretExpires, p.ConnectionSettings = w.secretExpires(), w.choices()
	p.Domains = w.domains()
	p.BreakGlass, p.Phone.MayChange = w.breakGlass(p.Domains...), w.IntN(2) == 0
	if d, ok := w.view.Directory(org); ok {
		if old, ok := d.Request(p.ID); ok && w.IntN(10) > 0 {
			p.ExpectVersion, p.Connection = old.Version, old.Connection
		}
		if c, ok := d.Connection(p.Connection); ok && w.IntN(3) > 0 { // the same client, perhaps with another method
			p.Issuer, p.ClientID = c.Issuer, c.ClientID
		}
	}
	switch w.IntN(20) {
	case 0:
		p.ExpectVersion = 3
	case 1:
		p.Connection = "org0-connection0"
	case 2:
		p.AuthMethod = "none"
	}
	return p
}

// stepRequest mostly takes a step that the request may take.
func (w *world) stepRequest(org directory.OrganizationID) *command.StepRequest {
	p := &command.StepRequest{ID: w.request(), To: directory.RequestState(w.IntN(7)), Note: w.name("note ", 3)}
	d, ok := w.view.Directory(org)
	if !ok {
		return p
	}
	for request := range d.Requests() {
		if _, there := d.Request(p.ID); there && w.IntN(3) > 0 {
			continue
		}
		p.ID, p.ExpectVersion = request.ID, w.expect(request.Version)
		if w.IntN(5) == 0 {
			continue
		}
		for to := directory.RequestDraft; to <= directory.RequestDisabled; to++ {
			if request.State.May(to) {
				p.To = to // the last is the one that leads on
			}
		}
	}
	return p
}

// lookDomain mostly looks for the challenge of a claim that is there.
func (w *world) lookDomain(org directory.OrganizationID) *command.LookDomain {
	p := &command.LookDomain{Name: w.domain(), Challenge: "challenge0", Found: w.IntN(3) > 0}
	if d, ok := w.view.Directory(org); ok {
		for domain := range d.Domains() {
			if w.IntN(2) == 0 {
				p.Name, p.Challenge = domain.Name, domain.Challenge
			}
		}
	}
	return p
}

func (w *world) putSigningKey() *command.PutSigningKey {
	p := &command.PutSigningKey{
		ID: w.name("key", 9), Use: directory.KeyIDToken, Private: seal.Sealed("private"), Public: w.name("public", 9),
	}
	if w.IntN(3) == 0 {
		p.Use = directory.KeyUses()[w.IntN(len(directory.KeyUses()))]
	}
	if keys := w.view.SigningKeys(p.Use); len(keys) > 0 && w.IntN(8) > 0 {
		p.Expect = keys[len(keys)-1].ID
	}
	if w.IntN(20) == 0 {
		p.Use = "other"
	}
	return p
}
