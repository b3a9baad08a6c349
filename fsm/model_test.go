package fsm

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// model is the ledger as one would write it without indexes: plain maps, every rule a scan.
type model struct {
	at           directory.Time
	seq          uint64
	settings     directory.Settings
	orgs         map[directory.OrganizationID]*modelOrg
	sessions     map[directory.Hash]directory.Session
	transactions map[directory.Hash]directory.Time
	requests     map[command.RequestID]modelRequest
	order        []command.RequestID // of requests: they are forgotten in the order in which they were applied
	level        uint64
	modelSigning
	modelConnecting
}

type modelOrg struct {
	record      directory.Organization
	next        directory.Number
	users       map[directory.ResourceID]directory.User
	groups      map[directory.ResourceID]directory.Group
	members     map[modelMember]bool
	tokens      map[directory.TokenID]directory.Token
	connections map[directory.ConnectionID]directory.Connection
	links       map[modelIdentity]directory.ResourceID
	tied        map[modelIdentity]directory.Time
	credentials map[string]directory.Credentials
	clients     map[directory.ClientID]directory.Client
	schemas     map[string]directory.Schema

	schemasVersion uint64
	modelLife
	modelRequests
	modelSignIns
}

type modelRequest struct {
	deadline directory.Time
	result   command.Result
}
type modelMember struct{ group, member directory.ResourceID }
type modelIdentity struct {
	connection      directory.ConnectionID
	issuer, subject string
}

// refusal is what the model says instead of a directory.Error: only the kind counts.
type refusal directory.Kind

func newModel() *model {
	return &model{
		orgs: make(map[directory.OrganizationID]*modelOrg), sessions: make(map[directory.Hash]directory.Session),
		transactions: make(map[directory.Hash]directory.Time), requests: make(map[command.RequestID]modelRequest),
		level: 1, modelSigning: newModelSigning(), modelConnecting: newModelConnecting(),
	}
}

func TestModel(t *testing.T) {
	for seed := range uint64(10) {
		f, w, m := newFSM(t), newWorld(100+seed), newModel()
		w.connects = seed >= 7
		for i := range 300 {
			data, commands := w.entry(f.View())
			results := apply(t, f, uint64(i+1), data)
			entry, _ := command.DecodeEntry(data)
			m.begin(entry.At)
			for j, c := range commands {
				if got, want := brief(results[j]), brief(m.apply(c)); got != want {
					t.Fatalf("seed %d entry %d %s: result %+v, the model's %+v\n%+v", seed, i, c.Payload.Kind(), got, want, c.Payload)
				}
			}
			if err := m.compare(f.View()); err != nil {
				t.Fatalf("seed %d entry %d: %v\n%+v", seed, i, err, commands)
			}
		}
	}
}

// brief is a result without the texts of its refusal, so that it can be compared with ==.
func brief(r command.Result) command.Result {
	if r.Error != nil {
		r.Version = 1_000_000 + uint64(r.Error.Kind)
		r.Error = nil
	}
	return r
}

func (m *model) begin(at directory.Time) {
	m.at = max(m.at, at)
	maps.DeleteFunc(m.transactions, func(_ directory.Hash, end directory.Time) bool { return end < m.at })
	m.sweepSigning()
	for _, o := range m.orgs {
		o.sweep(m.at)
		o.forgetStrangers()
		maps.DeleteFunc(o.tokens, func(_ directory.TokenID, t directory.Token) bool { return t.Expires != 0 && t.Expires <= m.at })
	}
	for len(m.order) > 0 && m.requests[m.order[0]].deadline < m.at {
		delete(m.requests, m.order[0])
		m.order = m.order[1:]
	}
}

func (m *model) apply(c command.Command) (result command.Result) {
	if known, ok := m.requests[c.RequestID]; ok {
		return known.result
	}
	m.seq++
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case refusal:
			result = command.Result{Error: &directory.Error{Kind: directory.Kind(fault)}}
		default:
			panic(fault)
		}
		result.Seq = m.seq
		if directory.KindOf(result.Err()) != directory.KindExpired {
			m.requests[c.RequestID] = modelRequest{c.Deadline, result}
			m.order = append(m.order, c.RequestID)
		}
	}()
	deny(c.Deadline < m.at || c.Deadline > m.at+60_000_000, directory.KindExpired)
	m.actor = c.Actor
	result = m.noted(c)
	if result.Changed {
		m.forget()
		m.audited(c)
	}
	return result
}

func deny(when bool, kind directory.Kind) {
	if when {
		panic(refusal(kind))
	}
}

func (m *model) done(created directory.Time) command.Result {
	return command.Result{Version: m.seq, Changed: true, Created: created, Modified: m.at}
}

func (m *model) dispatch(id directory.OrganizationID, payload command.Payload) command.Result {
	o := m.orgs[id]
	switch p := payload.(type) {
	case *command.RaiseLevel:
		if p.Level <= m.level {
			return command.Result{Version: m.level}
		}
		m.level = p.Level
		return m.done(m.at)
	case *command.PutSettings:
		return m.putSettings(p)
	case *command.TouchTokens:
		return m.touch(p)
	case *command.TouchSessions, *command.FinishErrands, *command.CountAttempt,
		*command.PutApplication, *command.DeleteApplication:
		return m.signingRegion(payload)
	case *command.PutSigningKey, *command.PutProvider:
		return m.connectingRegion(payload)
	case *command.CreateOrganization:
		deny(o != nil, directory.KindConflict)
		return m.putOrganization(id, &p.OrganizationFields, nil)
	case *command.CloseSession:
		s, ok := m.sessions[p.Hash]
		if !ok || s.Organization != id {
			return command.Result{}
		}
		m.endSessions(func(s directory.Session) bool { return s.Hash == p.Hash })
		return m.done(s.Created)
	}
	deny(o == nil, directory.KindNotFound)
	switch p := payload.(type) {
	case *command.UpdateOrganization:
		deny(p.ExpectVersion != 0 && p.ExpectVersion != o.record.Version, directory.KindStale)
		return m.putOrganization(id, &p.OrganizationFields, o)
	case *command.DeleteOrganization:
		delete(m.orgs, id)
		m.errands = slices.DeleteFunc(slices.Clone(m.errands), func(e directory.Errand) bool { return e.Organization == id && e.Kind != directory.ErrandLogout })
		m.endSessions(func(s directory.Session) bool { return s.Organization == id })
		return m.done(o.record.Created)
	case *command.CreateToken:
		return m.createToken(id, o, p)
	case *command.CreateClient, *command.DeleteClient:
		return m.client(id, o, payload)
	case *command.PutSchema, *command.DeleteSchema:
		return m.schema(o, payload)
	case *command.RevokeToken, *command.PutConnection, *command.DeleteConnection:
		return m.credential(id, o, payload)
	case *command.CreateUser, *command.ReplaceUser, *command.DeleteUser:
		return m.user(id, o, payload)
	case *command.OpenSession:
		return m.open(id, o, p)
	case *command.OfferAlgorithm, *command.PinAlgorithm:
		return m.algorithm(id, o, payload)
	case *command.RecordRefusals:
		return m.recordRefusals(o, p)
	case *command.EndSessions, *command.JoinSession, *command.PutPasskey, *command.DeletePasskey, *command.PutRecovery,
		*command.PutSetupLink, *command.DeleteCredentials,
		*command.OpenLocalSession, *command.RemindSecret, *command.DeleteLink:
		return m.signing(id, o, payload)
	case *command.PutRequest, *command.StepRequest, *command.DeleteRequest, *command.PutDomain, *command.LookDomain, *command.DeleteDomain:
		return m.connecting(id, o, payload)
	case *command.StageMembers, *command.AppendSyncLog, *command.MarkNotified, *command.RestoreUser, *command.EraseUser,
		*command.ConvertUsers, *command.RenameUsers:
		return m.lifecycle(o, payload)
	default:
		return m.group(o, payload)
	}
}

func (m *model) putOrganization(id directory.OrganizationID, f *command.OrganizationFields, o *modelOrg) command.Result {
	for other, org := range m.orgs {
		deny(other != id && org.record.Slug == f.Slug, directory.KindConflict)
		for _, domain := range f.Domains {
			deny(other != id && slices.Contains(org.record.Domains, domain), directory.KindConflict)
		}
	}
	deny(f.SCIM > directory.SCIMActive || f.DeletePolicy > directory.PolicyDeactivate, directory.KindInvalid)
	kept := o != nil && slices.Equal(o.record.BreakGlass, f.BreakGlass)
	deny(!kept && !breakGlassFits(f.BreakGlass, f.Domains), directory.KindInvalid)
	deny(o != nil && f.SCIM != o.record.SCIM && !o.record.SCIM.May(f.SCIM), directory.KindConflict)
	next := directory.Organization{
		ID: id, Slug: f.Slug, Name: f.Name, Domains: f.Domains, RootEmail: f.RootEmail, Profile: f.Profile, SCIM: f.SCIM,
		SCIMPaused: f.SCIMPaused, Principal: f.Principal, DeletePolicy: f.DeletePolicy, SingleToken: f.SingleToken, Plan: f.Plan,
		SignIn: f.SignIn, BreakGlass: f.BreakGlass, Phone: f.Phone,
	}
	if o == nil {
		o = &modelOrg{
			next: 1, users: make(map[directory.ResourceID]directory.User), groups: make(map[directory.ResourceID]directory.Group),
			members: make(map[modelMember]bool), tokens: make(map[directory.TokenID]directory.Token),
			connections: make(map[directory.ConnectionID]directory.Connection), links: make(map[modelIdentity]directory.ResourceID),
			tied: make(map[modelIdentity]directory.Time), credentials: make(map[string]directory.Credentials),
			clients: make(map[directory.ClientID]directory.Client), schemas: make(map[string]directory.Schema),
			modelLife: newModelLife(), modelRequests: newModelRequests(),
		}
		m.orgs[id] = o
		o.record.Created = m.at
	}
	old := o.record
	next.Created, next.Modified, next.Version = old.Created, old.Modified, old.Version
	if reflect.DeepEqual(next, old) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}
	}
	for _, domain := range old.Domains {
		if !slices.Contains(next.Domains, domain) {
			delete(o.claims, domain)
		}
	}
	m.writeOrganization(id, o, next)
	return m.done(next.Created)
}

func (m *model) credential(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.RevokeToken:
		token, ok := o.tokens[p.ID]
		deny(!ok, directory.KindNotFound)
		delete(o.tokens, p.ID)
		return m.done(token.Created)
	case *command.DeleteConnection:
		connection, ok := o.connections[p.ID]
		deny(!ok, directory.KindNotFound)
		m.supersede(o, p.ID)
		m.tellOwner(id, p.ID)
		delete(o.connections, p.ID)
		maps.DeleteFunc(o.links, func(i modelIdentity, _ directory.ResourceID) bool { return i.connection == p.ID })
		m.endSessions(func(s directory.Session) bool { return s.Connection == p.ID })
		return m.done(connection.Created)
	}
	p := payload.(*command.PutConnection)
	old, had := o.connections[p.ID]
	m.connectionOwn(o, p.ID)
	deny(p.ExpectVersion != 0 && !had, directory.KindNotFound)
	deny(p.ExpectVersion != 0 && p.ExpectVersion != old.Version, directory.KindStale)
	next := directory.Connection{
		ID: p.ID, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, ConnectionSettings: p.ConnectionSettings,
		Enabled: p.Enabled, SecretExpires: p.SecretExpires, PreviousSecret: p.PreviousSecret, Domains: p.Domains,
	}
	m.registrationFree(&next)
	domainsLead(o, &next)
	if !had || visible(old) != visible(next) {
		m.tellOwner(id, p.ID)
	}
	return m.done(m.writeConnection(id, o, next).Created)
}

func (m *model) user(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.CreateUser:
		deny(p.Source == directory.SourceJIT && m.level < 2, directory.KindInvalid)
		deny(o.taken(p.ID), directory.KindConflict)
		u := directory.User{ID: p.ID, Source: p.Source, Created: m.at, Number: o.next}
		done := m.putUser(id, o, u, &p.UserFields)
		if p.Source == directory.SourceInvited && m.level >= 2 {
			m.errand(directory.Errand{Kind: directory.ErrandSetup, Organization: id, Subject: p.UserNameKey})
		}
		return done
	case *command.ReplaceUser:
		u, ok := o.users[p.ID]
		deny(!ok, directory.KindNotFound)
		deny(p.ExpectVersion != 0 && p.ExpectVersion != u.Version, directory.KindStale)
		return m.putUser(id, o, u, &p.UserFields)
	}
	p := payload.(*command.DeleteUser)
	u, ok := o.users[p.ID]
	deny(!ok, directory.KindNotFound)
	deny(p.ExpectVersion != 0 && p.ExpectVersion != u.Version, directory.KindStale)
	deny(u.Source == directory.SourceRoot && m.level >= 2, directory.KindForbidden)
	if !p.Erase {
		m.keep(o, u)
	}
	m.leave(o, p.ID)
	delete(o.users, p.ID)
	maps.DeleteFunc(o.links, func(_ modelIdentity, user directory.ResourceID) bool { return user == p.ID })
	m.endSessions(func(s directory.Session) bool { return s.Organization == id && s.User == p.ID })
	return m.done(u.Created)
}

func (o *modelOrg) has(id directory.ResourceID) bool {
	_, user := o.users[id]
	_, group := o.groups[id]
	return user || group
}

func (m *model) putUser(id directory.OrganizationID, o *modelOrg, old directory.User, f *command.UserFields) command.Result {
	for _, other := range o.users {
		deny(other.ID != old.ID && other.UserNameKey == f.UserNameKey, directory.KindConflict)
	}
	next := old
	next.Active, next.UserName, next.UserNameKey, next.ExternalID = f.Active, f.UserName, f.UserNameKey, f.ExternalID
	next.DisplayName, next.Emails, next.Attributes = f.DisplayName, f.Emails, f.Attributes
	if old.Version != 0 && reflect.DeepEqual(next, old) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}
	}
	if next.Number == o.next {
		o.next++
	}
	if !next.Active {
		m.endSessions(func(s directory.Session) bool { return s.Organization == id && s.User == next.ID })
	}
	next.Modified, next.Version = m.at, m.seq
	o.users[next.ID] = next
	return m.done(next.Created)
}

// leave takes a user or a group out of all groups.
func (m *model) leave(o *modelOrg, member directory.ResourceID) {
	for pair := range maps.Clone(o.members) {
		if pair.member == member {
			delete(o.members, pair)
			g := o.groups[pair.group]
			g.Modified, g.Version = m.at, m.seq
			o.groups[pair.group] = g
		}
	}
}

func (m *model) group(o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.CreateGroup:
		deny(o.taken(p.ID), directory.KindConflict)
		m.groupNameFree(o, p.ID, &p.GroupFields)
		for _, member := range p.Members {
			deny(!o.has(member), directory.KindInvalid)
		}
		staged, _ := o.stagedIDs(p.Staged)
		g := directory.Group{
			ID: p.ID, Number: o.next, Source: p.Source, DisplayName: p.DisplayName, DisplayNameKey: p.DisplayNameKey,
			ExternalID: p.ExternalID, Attributes: p.Attributes, Created: m.at, Modified: m.at, Version: m.seq,
		}
		o.next++
		o.groups[p.ID] = g
		for _, member := range append(staged, p.Members...) {
			o.members[modelMember{p.ID, member}] = true
		}
		delete(o.staged, p.Staged)
		return m.done(m.at)
	case *command.UpdateGroup:
		return m.updateGroup(o, p)
	}
	p := payload.(*command.DeleteGroup)
	g, ok := o.groups[p.ID]
	deny(!ok, directory.KindNotFound)
	deny(p.ExpectVersion != 0 && p.ExpectVersion != g.Version, directory.KindStale)
	m.leave(o, p.ID)
	delete(o.groups, p.ID)
	maps.DeleteFunc(o.members, func(pair modelMember, _ bool) bool { return pair.group == p.ID })
	return m.done(g.Created)
}

func (m *model) groupNameFree(o *modelOrg, id directory.ResourceID, f *command.GroupFields) {
	for _, other := range o.groups {
		deny(other.ID != id && other.DisplayNameKey == f.DisplayNameKey, directory.KindConflict)
	}
}

func (m *model) updateGroup(o *modelOrg, p *command.UpdateGroup) command.Result {
	deny(p.Mode > command.MembersReplace, directory.KindInvalid)
	old, ok := o.groups[p.ID]
	deny(!ok, directory.KindNotFound)
	deny(p.ExpectVersion != 0 && p.ExpectVersion != old.Version, directory.KindStale)
	next := old
	if p.Fields != nil {
		m.groupNameFree(o, p.ID, p.Fields)
		next.DisplayName, next.DisplayNameKey = p.Fields.DisplayName, p.Fields.DisplayNameKey
		next.ExternalID, next.Attributes = p.Fields.ExternalID, p.Fields.Attributes
	}
	for _, id := range p.Add {
		deny(!o.has(id), directory.KindInvalid)
	}
	add, remove := o.stagedIDs(p.Staged)
	add, remove = append(add, p.Add...), append(remove, p.Remove...)
	deny(slices.Contains(add, p.ID), directory.KindInvalid)
	delete(o.staged, p.Staged)
	members := maps.Clone(o.members)
	if p.Mode == command.MembersReplace {
		maps.DeleteFunc(members, func(pair modelMember, _ bool) bool { return pair.group == p.ID })
	}
	if p.Mode == command.MembersDelta {
		for _, id := range remove {
			delete(members, modelMember{p.ID, id})
		}
	}
	if p.Mode != command.MembersKeep {
		for _, id := range add {
			members[modelMember{p.ID, id}] = true
		}
	}
	if next == old && maps.Equal(members, o.members) {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}
	}
	o.members = members
	next.Modified, next.Version = m.at, m.seq
	o.groups[p.ID] = next
	return m.done(old.Created)
}

func (m *model) open(id directory.OrganizationID, o *modelOrg, p *command.OpenSession) command.Result {
	_, used := m.transactions[p.Transaction]
	deny(used, directory.KindReplayed)
	deny(p.TransactionExpiry < m.at, directory.KindUnauthenticated)
	_, taken := m.sessions[p.Hash]
	deny(taken, directory.KindConflict)
	connection := o.connections[p.Connection]
	deny(!connection.Enabled || connection.Version != p.ConnectionVersion, directory.KindForbidden)
	user := o.users[p.User]
	deny(!user.Active || user.Source == directory.SourceRoot, directory.KindForbidden)
	identity := modelIdentity{p.Connection, p.Issuer, p.Subject}
	holder, linked := o.links[identity]
	deny(linked && holder != p.User, directory.KindConflict)
	for other, who := range o.links {
		deny(!linked && who == p.User && other.connection == p.Connection, directory.KindConflict)
	}
	if !linked {
		o.links[identity], o.tied[identity] = p.User, m.at
	}
	m.transactions[p.Transaction] = p.TransactionExpiry
	if m.pinned = m.level >= 2 && p.Algorithm != "" && p.Algorithm != connection.Algorithm; m.pinned {
		if connection.Algorithm != "" {
			m.tellOwner(id, connection.ID)
		}
		m.keepTo(o, connection, p.Algorithm)
	}
	s := directory.Session{
		ID: p.ID, Hash: p.Hash, Organization: id, User: p.User, UserNumber: user.Number, Connection: p.Connection,
		Created: m.at, Expires: m.at + directory.Time(p.Lifetime),
	}
	if m.level >= 2 {
		m.detail(&s, p.SessionDetails)
		s.Subject, s.ProviderSID, s.Context, s.Authed = p.Subject, p.ProviderSID, p.Context, p.Authed
	}
	m.sessions[p.Hash] = s
	m.signedIn(o, s, "", !linked)
	return m.done(m.at)
}

// compare tells where a view differs from the model. That the view's own indexes agree with its records is Check's part.
func (m *model) compare(v *state.View) error {
	if err := v.Check(); err != nil {
		return err
	}
	if v.Seq() != m.seq || v.At() != m.at || v.Organizations() != len(m.orgs) || v.Sessions() != len(m.sessions) {
		return fmt.Errorf("seq %d at %d with %d organizations and %d sessions; the model has %d, %d, %d and %d",
			v.Seq(), v.At(), v.Organizations(), v.Sessions(), m.seq, m.at, len(m.orgs), len(m.sessions))
	}
	if !reflect.DeepEqual(*v.Settings(), m.settings) {
		return fmt.Errorf("settings %+v, the model's %+v", v.Settings(), m.settings)
	}
	for hash, want := range m.sessions {
		if got, ok := v.Session(hash); !ok || !reflect.DeepEqual(*got, want) {
			return fmt.Errorf("session %+v, the model's %+v", got, want)
		}
	}
	for i := range 250 {
		hash := directory.Hash{0: byte(i), 31: 1}
		if _, used := m.transactions[hash]; used != v.TransactionUsed(hash) {
			return fmt.Errorf("transaction %d used: %v in the model", i, used)
		}
	}
	if err := m.compareSigning(v); err != nil {
		return err
	}
	if err := m.compareConnecting(v); err != nil {
		return err
	}
	for id, o := range m.orgs {
		d, ok := v.Directory(id)
		if !ok {
			return fmt.Errorf("no organization %s", id)
		}
		if err := o.compare(d); err != nil {
			return fmt.Errorf("organization %s: %w", id, err)
		}
		if err := o.compareRequests(d); err != nil {
			return fmt.Errorf("organization %s: %w", id, err)
		}
		if err := o.compareSignIns(d); err != nil {
			return fmt.Errorf("organization %s: %w", id, err)
		}
		if err := o.compareLife(d); err != nil {
			return fmt.Errorf("organization %s: %w", id, err)
		}
	}
	return nil
}

func (o *modelOrg) compare(d *state.Directory) error {
	if !reflect.DeepEqual(*d.Organization(), o.record) {
		return fmt.Errorf("record %+v, the model's %+v", d.Organization(), o.record)
	}
	users := make(map[directory.ResourceID]directory.User)
	groups := make(map[directory.ResourceID]directory.Group)
	members := make(map[modelMember]bool)
	links := make(map[modelIdentity]directory.ResourceID)
	tokens := make(map[directory.TokenID]directory.Token)
	connections := make(map[directory.ConnectionID]directory.Connection)
	clients := make(map[directory.ClientID]directory.Client)
	schemas := make(map[string]directory.Schema)
	names := make(map[directory.Number]directory.ResourceID)
	for u := range d.AllUsers() {
		users[u.ID], names[u.Number] = *u, u.ID
		for l := range d.LinksOf(u.ID) {
			links[modelIdentity{l.Connection, l.Issuer, l.Subject}] = l.User
		}
	}
	for g := range d.AllGroups() {
		groups[g.ID], names[g.Number] = *g, g.ID
	}
	for g := range d.AllGroups() {
		for n := range d.MembersOf(g.Number) {
			members[modelMember{g.ID, names[n]}] = true
		}
	}
	for token := range d.Tokens() {
		tokens[token.ID] = *token
	}
	for connection := range d.Connections() {
		connections[connection.ID] = *connection
	}
	for client := range d.Clients() {
		clients[client.ID] = *client
	}
	for schema := range d.Schemas() {
		schemas[schema.URN] = *schema
	}
	for _, pair := range []struct{ got, want any }{
		{users, o.users}, {groups, o.groups}, {members, o.members}, {links, o.links}, {tokens, o.tokens}, {connections, o.connections},
		{clients, o.clients}, {schemas, o.schemas}, {d.SchemasVersion(), o.schemasVersion},
	} {
		if !reflect.DeepEqual(pair.got, pair.want) {
			return fmt.Errorf("%+v, the model's %+v", pair.got, pair.want)
		}
	}
	return nil
}
