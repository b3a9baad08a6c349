package fsm

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// modelConnecting is the model's keys and providers of the region.
type modelConnecting struct {
	actor     string                                      // of the command
	looked    string                                      // the event of the last look at a domain, empty for none
	pinned    bool                                        // the last sign-in had its connection keep to another algorithm
	keys      map[directory.KeyUse][]directory.SigningKey // oldest first
	providers map[string]directory.Provider
}

func newModelConnecting() modelConnecting {
	return modelConnecting{
		keys: make(map[directory.KeyUse][]directory.SigningKey), providers: make(map[string]directory.Provider),
	}
}

// modelRequests is the model's connection requests, domains and audit log of an organization.
type modelRequests struct {
	requests map[directory.ConnectionRequestID]directory.ConnectionRequest
	claims   map[string]directory.Domain
	audit    []directory.AuditRow // oldest first, without texts
}

func newModelRequests() modelRequests {
	return modelRequests{
		requests: make(map[directory.ConnectionRequestID]directory.ConnectionRequest), claims: make(map[string]directory.Domain),
	}
}

// connectingRegion applies what has no organization.
func (m *model) connectingRegion(payload command.Payload) command.Result {
	if p, ok := payload.(*command.PutSigningKey); ok {
		return m.putKey(p)
	}
	return m.putProvider(payload.(*command.PutProvider))
}

func (m *model) putProvider(p *command.PutProvider) command.Result {
	next := m.providers[p.Issuer]
	kept, grain := &next.Metadata, directory.Time(3600_000_000)
	if p.Document == directory.ProviderKeys {
		kept, grain = &next.Keys, 600_000_000
	}
	if kept.Life > 0 {
		grain = min(grain, kept.Life/2)
	}
	deny(p.Seen != kept.Hash(), directory.KindStale)
	at := min(p.Fetched, m.at)
	same := p.Text == "" || p.Text == kept.Text
	if at <= kept.Fetched || same && (kept.Text == "" || at < kept.Fetched+grain) {
		return command.Result{Version: next.Version}
	}
	if !same {
		kept.Text = p.Text
		next.Moves = slices.Clone(next.Moves)
		for _, move := range p.Moves {
			move.At = at
			next.Moves = append(next.Moves, move)
		}
		next.Moves = next.Moves[max(0, len(next.Moves)-directory.MaxProviderMoves):]
	}
	kept.Fetched, kept.Life = at, p.Life
	next.Issuer, next.Version = p.Issuer, m.seq
	m.providers[p.Issuer] = next
	return m.done(0)
}

// algorithm applies an offer of a signing algorithm, and the answer to one.
func (m *model) algorithm(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	if p, ok := payload.(*command.OfferAlgorithm); ok {
		c, had := o.connections[p.Connection]
		deny(!had, directory.KindNotFound)
		deny(p.Algorithm == "", directory.KindInvalid)
		result := command.Result{Version: c.Version, Created: c.Created, Modified: c.Modified}
		if c.Algorithm != "" && p.Algorithm != c.Algorithm && p.Algorithm != c.AlgorithmOffered {
			if c.AlgorithmOffered == "" {
				m.tellOwner(id, c.ID)
			}
			c.AlgorithmOffered, result.Changed = p.Algorithm, true
			o.connections[c.ID] = c
		}
		return result
	}
	p := payload.(*command.PinAlgorithm)
	c, had := o.connections[p.Connection]
	deny(!had, directory.KindNotFound)
	deny(p.Algorithm != "" && p.Algorithm != c.Algorithm && p.Algorithm != c.AlgorithmOffered, directory.KindConflict)
	if p.Algorithm == c.Algorithm && c.AlgorithmOffered == "" {
		return command.Result{Version: c.Version, Created: c.Created, Modified: c.Modified}
	}
	if p.Algorithm != c.Algorithm {
		m.tellOwner(id, c.ID)
	}
	m.keepTo(o, c, p.Algorithm)
	return m.done(c.Created)
}

// keepTo has a connection keep to an algorithm.
func (m *model) keepTo(o *modelOrg, c directory.Connection, algorithm string) {
	c.Algorithm, c.AlgorithmOffered, c.Modified, c.Version = algorithm, "", m.at, m.seq
	o.connections[c.ID] = c
}

func (m *model) putKey(p *command.PutSigningKey) command.Result {
	deny(!slices.Contains(directory.KeyUses(), p.Use), directory.KindInvalid)
	keys := m.keys[p.Use]
	newest := directory.SigningKey{}
	if len(keys) > 0 {
		newest = keys[len(keys)-1]
	}
	deny(p.Expect != newest.ID, directory.KindStale)
	for _, keys := range m.keys {
		for _, key := range keys {
			deny(key.ID == p.ID, directory.KindConflict)
		}
	}
	key := directory.SigningKey{ID: p.ID, Use: p.Use, Private: p.Private, Public: p.Public, Created: max(m.at, newest.Created+1)}
	keys = append(slices.Clone(keys), key)
	m.keys[p.Use] = keys[max(0, len(keys)-directory.MaxSigningKeys):]
	return m.done(key.Created)
}

// connecting applies what is of an organization.
func (m *model) connecting(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.PutRequest:
		return m.putRequest(id, o, p)
	case *command.StepRequest:
		return m.stepRequest(id, o, p)
	case *command.DeleteRequest:
		old, had := o.requests[p.ID]
		deny(!had, directory.KindNotFound)
		deny(old.State == directory.RequestActive, directory.KindConflict)
		delete(o.requests, p.ID)
		return m.done(old.Created)
	case *command.PutDomain:
		deny(strings.Contains(p.Name, " "), directory.KindInvalid)
		m.domainFree(o, p.Name)
		old, had := o.claims[p.Name]
		same := old.State == directory.DomainVerified || old.State == directory.DomainPending && old.Challenge == p.Challenge
		if had && same {
			return command.Result{Version: old.Version, Created: old.Created}
		}
		if !had {
			old.Created = m.at
		}
		o.claims[p.Name] = directory.Domain{Organization: id, Name: p.Name, Challenge: p.Challenge, Created: old.Created, Version: m.seq}
		return m.done(old.Created)
	case *command.DeleteDomain:
		old, had := o.claims[p.Name]
		deny(!had, directory.KindNotFound)
		delete(o.claims, p.Name)
		if old.State == directory.DomainVerified {
			m.setDomains(id, o, slices.DeleteFunc(slices.Clone(o.record.Domains), func(name string) bool { return name == p.Name }))
		}
		return m.done(old.Created)
	}
	p := payload.(*command.LookDomain)
	old, had := o.claims[p.Name]
	deny(!had, directory.KindNotFound)
	if old.Challenge != p.Challenge {
		return command.Result{Version: old.Version, Created: old.Created}
	}
	next := old.Looked(p.Found, m.at)
	next.Version = m.seq
	gained := old.State != directory.DomainVerified && next.State == directory.DomainVerified
	lost := next.State == directory.DomainLost && old.State == directory.DomainVerified
	if gained {
		m.domainFree(o, p.Name)
		if !slices.Contains(o.record.Domains, p.Name) {
			m.setDomains(id, o, append(slices.Clone(o.record.Domains), p.Name))
		}
	}
	if lost {
		m.setDomains(id, o, slices.DeleteFunc(slices.Clone(o.record.Domains), func(name string) bool { return name == p.Name }))
	}
	missed := next.Misses == 1
	switch m.looked = ""; {
	case gained:
		m.looked = "domain.verified"
	case lost:
		m.looked = "domain.lost"
	case missed:
		m.looked = "domain.missed"
	}
	if gained || lost || missed {
		m.errand(directory.Errand{Kind: directory.ErrandDomain, Organization: id, Subject: p.Name})
	}
	o.claims[p.Name] = next
	return m.done(old.Created)
}

func (m *model) domainFree(o *modelOrg, name string) {
	for _, other := range m.orgs {
		deny(other != o && slices.Contains(other.record.Domains, name), directory.KindConflict)
	}
}

func (m *model) setDomains(id directory.OrganizationID, o *modelOrg, domains []string) {
	next := o.record
	next.Domains = domains
	m.writeOrganization(id, o, next)
}

// welcome expects a mail to the new root address and to each new break-glass address.
func (m *model) welcome(id directory.OrganizationID, old, next directory.Organization) {
	fresh := slices.DeleteFunc(slices.Clone(next.BreakGlass), func(a string) bool { return slices.Contains(old.BreakGlass, a) })
	if next.RootEmail != "" && next.RootEmail != old.RootEmail {
		fresh = append(fresh, next.RootEmail)
	}
	for _, address := range fresh {
		if m.level >= 2 {
			m.errand(directory.Errand{Kind: directory.ErrandSetup, Organization: id, Subject: address})
		}
	}
}

// writeOrganization puts another record in the place of an organization's.
func (m *model) writeOrganization(id directory.OrganizationID, o *modelOrg, next directory.Organization) {
	old := o.record
	next.Modified, next.Version = m.at, m.seq
	o.record = next
	if !slices.Equal(old.BreakGlass, next.BreakGlass) {
		m.errand(directory.Errand{Kind: directory.ErrandBreakGlassList, Organization: id})
	}
	m.welcome(id, old, next)
	root, _ := o.root()
	m.endSessions(func(s directory.Session) bool {
		switch s.Kind {
		case directory.SessionBreakGlass:
			return s.Organization == id && (!slices.Contains(next.BreakGlass, s.Email) || s.Email == next.RootEmail)
		case directory.SessionLocal:
			return s.Organization == id && s.User == root.ID && old.RootEmail != next.RootEmail
		}
		return false
	})
}

// domainsFit judges a list as the rule does, where the random ones are well-formed or have a space.
func domainsFit(list []string) bool {
	for i, domain := range list {
		if strings.Contains(domain, " ") || slices.Contains(list[:i], domain) {
			return false
		}
	}
	return true
}

// breakGlassFits judges a list as the rule does, but for the form of addresses: the random ones are well-formed or have no @.
func breakGlassFits(list, domains []string) bool {
	for i, address := range list {
		_, domain, ok := strings.Cut(address, "@")
		if !ok || !slices.Contains(domains, domain) || slices.Contains(list[:i], address) {
			return false
		}
	}
	return true
}

func (m *model) putRequest(id directory.OrganizationID, o *modelOrg, p *command.PutRequest) command.Result {
	deny(p.AuthMethod == "none" || !domainsFit(p.Domains) || !breakGlassFits(p.BreakGlass, p.Domains), directory.KindInvalid)
	old, had := o.requests[p.ID]
	deny(!had && p.ExpectVersion != 0, directory.KindNotFound)
	deny(had && p.ExpectVersion == 0, directory.KindConflict)
	deny(had && p.ExpectVersion != old.Version, directory.KindStale)
	deny(had && (old.State == directory.RequestActive || old.State == directory.RequestDisabled), directory.KindConflict)
	m.connectionOwn(o, p.Connection)
	for _, other := range o.requests {
		underWay := other.State != directory.RequestActive && other.State != directory.RequestDisabled
		deny(other.ID != p.ID && other.Connection == p.Connection && underWay, directory.KindConflict)
	}
	if !had {
		old.Created = m.at
	}
	if had && old.State != directory.RequestDraft {
		m.errand(directory.Errand{Kind: directory.ErrandRequest, Organization: id, Subject: string(p.ID)})
	}
	o.requests[p.ID] = directory.ConnectionRequest{
		ID: p.ID, Organization: id, Connection: p.Connection, RequestChoices: p.RequestChoices, Author: m.actor,
		Note: old.Note, Reviewer: old.Reviewer, Created: old.Created, Modified: m.at, Version: m.seq,
	}
	return m.done(old.Created)
}

func (m *model) connectionOwn(o *modelOrg, connection directory.ConnectionID) {
	for _, other := range m.orgs {
		_, theirs := other.connections[connection]
		deny(theirs && other != o, directory.KindConflict)
	}
}

func (m *model) stepRequest(id directory.OrganizationID, o *modelOrg, p *command.StepRequest) command.Result {
	q, had := o.requests[p.ID]
	deny(!had, directory.KindNotFound)
	deny(p.ExpectVersion != 0 && p.ExpectVersion != q.Version, directory.KindStale)
	deny(!q.State.May(p.To), directory.KindConflict)
	if p.To == directory.RequestReturned || p.To == directory.RequestApproved {
		q.Note, q.Reviewer = p.Note, m.actor
	}
	connection, left := o.connections[q.Connection]
	for _, other := range o.requests {
		left = left && (other.Connection != q.Connection || other.State != directory.RequestActive)
	}
	switch {
	case p.To == directory.RequestActive && q.State == directory.RequestDisabled && left:
		connection.Enabled = true
		domainsLead(o, &connection)
		m.writeConnection(id, o, connection)
	case p.To == directory.RequestActive:
		m.activate(id, o, &q)
	}
	if c, ok := o.connections[q.Connection]; ok && c.Enabled && p.To == directory.RequestDisabled {
		c.Enabled = false
		m.writeConnection(id, o, c)
	}
	q.State, q.Modified, q.Version = p.To, m.at, m.seq
	o.requests[p.ID] = q
	m.errand(directory.Errand{Kind: directory.ErrandRequest, Organization: id, Subject: string(p.ID)})
	return m.done(q.Created)
}

func (m *model) activate(id directory.OrganizationID, o *modelOrg, q *directory.ConnectionRequest) {
	m.connectionOwn(o, q.Connection)
	c := directory.Connection{
		ID: q.Connection, Issuer: q.Issuer, ClientID: q.ClientID, ClientSecret: q.ClientSecret,
		ConnectionSettings: q.ConnectionSettings, Enabled: true, SecretExpires: q.SecretExpires, Domains: q.Domains,
	}
	m.registrationFree(&c)
	domainsLead(o, &c)
	old, had := o.connections[q.Connection]
	byKey := func(c directory.Connection) bool { return c.AuthMethod == directory.AuthPrivateKey }
	if had && old.Issuer == c.Issuer && old.ClientID == c.ClientID && byKey(old) == byKey(c) {
		if len(c.ClientSecret) > 0 && !bytes.Equal(c.ClientSecret, old.ClientSecret) {
			c.PreviousSecret = old.ClientSecret
		}
		if len(c.ClientSecret) == 0 {
			c.ClientSecret, c.PreviousSecret, c.SecretExpires = old.ClientSecret, old.PreviousSecret, cmp.Or(c.SecretExpires, old.SecretExpires)
		}
	}
	deny(c.AuthMethod != directory.AuthPrivateKey && len(c.ClientSecret) == 0, directory.KindInvalid)
	m.writeConnection(id, o, c)
	m.supersede(o, q.Connection)
	next := o.record
	next.BreakGlass, next.Phone = q.BreakGlass, q.Phone
	if !slices.Equal(next.BreakGlass, o.record.BreakGlass) || next.Phone != o.record.Phone {
		m.writeOrganization(id, o, next)
	}
	q.ClientSecret, q.SecretExpires = nil, 0
}

func (m *model) supersede(o *modelOrg, connection directory.ConnectionID) {
	for other, request := range o.requests {
		if request.Connection == connection && request.State == directory.RequestActive {
			request.State, request.Modified, request.Version = directory.RequestDisabled, m.at, m.seq
			o.requests[other] = request
		}
	}
}

func (m *model) registrationFree(c *directory.Connection) {
	for _, org := range m.orgs {
		for _, other := range org.connections {
			deny(other.ID != c.ID && other.Issuer == c.Issuer && other.ClientID == c.ClientID, directory.KindConflict)
		}
	}
}

// domainsLead wants each domain of a connection that is on to lead to that one only.
func domainsLead(o *modelOrg, c *directory.Connection) {
	deny(!domainsFit(c.Domains), directory.KindInvalid)
	for _, other := range o.connections {
		both := func(domain string) bool { return slices.Contains(other.Domains, domain) }
		deny(c.Enabled && other.Enabled && other.ID != c.ID && slices.ContainsFunc(c.Domains, both), directory.KindConflict)
	}
}

// writeConnection puts a connection and ends what its change makes void.
func (m *model) writeConnection(id directory.OrganizationID, o *modelOrg, c directory.Connection) directory.Connection {
	old, had := o.connections[c.ID]
	c.Organization, c.Created, c.Modified, c.Version = id, m.at, m.at, m.seq
	if had {
		c.Created, c.Reminded = old.Created, old.Reminded
		c.Algorithm, c.AlgorithmOffered = old.Algorithm, old.AlgorithmOffered
	}
	if c.SecretExpires != old.SecretExpires {
		c.Reminded = 0
	}
	elsewhere := had && (old.Issuer != c.Issuer || old.ClientID != c.ClientID)
	if elsewhere {
		c.Algorithm, c.AlgorithmOffered = "", ""
		maps.DeleteFunc(o.links, func(i modelIdentity, _ directory.ResourceID) bool { return i.connection == c.ID })
	}
	if elsewhere || !c.Enabled {
		m.endSessions(func(s directory.Session) bool { return s.Connection == c.ID })
	}
	o.connections[c.ID] = c
	return c
}

// tellOwner expects a mail about a connection that was changed without a request.
func (m *model) tellOwner(id directory.OrganizationID, connection directory.ConnectionID) {
	if m.level >= 2 {
		m.errand(directory.Errand{Kind: directory.ErrandConnection, Organization: id, Subject: string(connection)})
	}
}

// visible is what an owner sees of a connection, as text.
func visible(c directory.Connection) string {
	return fmt.Sprint(c.Issuer, c.ClientID, c.ClientSecret, c.SecretExpires, c.Domains, c.Enabled, func() directory.ConnectionSettings {
		settings := c.ConnectionSettings
		settings.NamesIssuer = false
		return settings
	}())
}

// modelEvents are the rows of the audit log by kind, but for those that depend on more.
var modelEvents = map[command.Kind]string{
	command.KindCreateOrganization: "organization.created", command.KindUpdateOrganization: "organization.changed",
	command.KindRevokeToken: "token.revoked", command.KindCreateClient: "client.created", command.KindDeleteClient: "client.deleted",
	command.KindPutSchema: "schema.changed", command.KindDeleteSchema: "schema.deleted",
	command.KindPutConnection: "connection.changed", command.KindDeleteConnection: "connection.deleted",
	command.KindPinAlgorithm: "connection.algorithm", command.KindDeleteLink: "link.deleted", command.KindPutRequest: "request.changed", command.KindDeleteRequest: "request.deleted",
	command.KindPutDomain: "domain.claimed", command.KindDeleteDomain: "domain.deleted",
	command.KindRestoreUser: "user.restored", command.KindEraseUser: "user.erased", command.KindConvertUsers: "users.converted",
	command.KindRenameUsers: "users.renamed", command.KindEndSessions: "sessions.ended",
	command.KindPutPasskey: "credentials.passkey_added", command.KindDeletePasskey: "credentials.passkey_deleted",
	command.KindDeleteCredentials: "credentials.deleted", command.KindPutSetupLink: "credentials.link_made",
	command.KindPutRecovery: "credentials.recovery_changed",
}

// audited writes the row of a command that changed something.
func (m *model) audited(c command.Command) {
	o := m.orgs[c.Organization]
	if o == nil || m.level < 2 {
		return
	}
	event := modelEvents[c.Payload.Kind()]
	switch p := c.Payload.(type) {
	case *command.CreateToken:
		if p.Tokens[0].Kind == directory.TokenBearer {
			event = "token.created"
		}
	case *command.CreateUser:
		if p.Source == directory.SourceJIT {
			event = "user.created"
		}
	case *command.StepRequest:
		event = "request." + p.To.String()
	case *command.OpenLocalSession:
		if invited, _ := o.holder(p.Email); invited == "" {
			event = "session." + m.sessions[p.Hash].Kind.String()
		}
	case *command.EndSessions:
		if p.ID != "" && p.User != "" || p.Subject+p.ProviderSID != "" {
			event = ""
		}
	case *command.LookDomain:
		event = m.looked
	case *command.OpenSession:
		if m.pinned {
			event = "connection.algorithm"
		}
	}
	if event != "" {
		o.audit = append(o.audit, directory.AuditRow{Seq: m.seq, At: m.at, Actor: c.Actor, Event: event})
	}
}

func (m *model) compareConnecting(v *state.View) error {
	keys := make(map[directory.KeyUse][]directory.SigningKey)
	for _, use := range directory.KeyUses() {
		for _, key := range v.SigningKeys(use) {
			keys[use] = append(keys[use], *key)
		}
	}
	providers := make(map[string]directory.Provider)
	for p := range v.Providers() {
		providers[p.Issuer] = *p
	}
	for _, pair := range []struct{ got, want any }{
		{v.Level(), m.level}, {keys, m.keys}, {providers, m.providers},
	} {
		if !reflect.DeepEqual(pair.got, pair.want) {
			return fmt.Errorf("%+v, the model's %+v", pair.got, pair.want)
		}
	}
	return nil
}

func (o *modelOrg) compareRequests(d *state.Directory) error {
	requests := make(map[directory.ConnectionRequestID]directory.ConnectionRequest)
	for q := range d.Requests() {
		requests[q.ID] = *q
	}
	claims := make(map[string]directory.Domain)
	for claim := range d.Domains() {
		claims[claim.Name] = *claim
	}
	var audit []directory.AuditRow
	for row := range d.Audit() {
		plain := *row
		plain.Subject, plain.Detail = "", ""
		audit = append(audit, plain)
	}
	slices.Reverse(audit)
	for _, pair := range []struct{ got, want any }{{requests, o.requests}, {claims, o.claims}, {audit, o.audit}} {
		if !reflect.DeepEqual(pair.got, pair.want) {
			return fmt.Errorf("%+v, the model's %+v", pair.got, pair.want)
		}
	}
	return nil
}
