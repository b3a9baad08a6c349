package fsm

import (
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

// modelSigning is the model's tries and errands of the region.
type modelSigning struct {
	attempts map[directory.Hash]directory.Attempt
	errands  []directory.Errand // in any order within a seq, see learnErrands

	applications map[directory.ApplicationID]directory.Application
}

func newModelSigning() modelSigning {
	return modelSigning{
		attempts:     make(map[directory.Hash]directory.Attempt),
		applications: make(map[directory.ApplicationID]directory.Application),
	}
}

// over tells whether a session is past its life or its idleness.
func (m *model) over(s directory.Session) bool {
	used := max(s.Seen, s.Created)
	return s.Expires <= m.at || s.Idle > 0 && used+s.Idle <= m.at
}

func (m *model) sweepSigning() {
	m.endSessions(m.over)
	maps.DeleteFunc(m.attempts, func(_ directory.Hash, a directory.Attempt) bool { return a.Expires <= m.at })
}

// endSessions ends the sessions that match, and tells the applications that know of them.
func (m *model) endSessions(which func(directory.Session) bool) (ended int) {
	for hash, s := range m.sessions {
		if !which(s) {
			continue
		}
		delete(m.sessions, hash)
		ended++
		for _, id := range s.Applications {
			if application, ok := m.applications[id]; ok && application.BackChannelURI != "" {
				m.errand(directory.Errand{
					Kind: directory.ErrandLogout, Organization: s.Organization, Application: id, Subject: string(s.User), Detail: string(s.ID),
				})
			}
		}
	}
	return ended
}

func (m *model) errand(e directory.Errand) {
	e.Seq, e.At = m.seq, m.at
	m.errands = append(m.errands, e)
}

// once consumes what may be used once, unless something later denies the command.
func (m *model) once(hash directory.Hash, expires directory.Time) {
	_, used := m.transactions[hash]
	deny(used, directory.KindReplayed)
	deny(expires < m.at, directory.KindUnauthenticated)
}

// signingRegion applies what has no organization.
func (m *model) signingRegion(payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.TouchSessions:
		changed := false
		for _, use := range p.Uses {
			s, ok := m.sessions[use.Hash]
			at := min(use.At, m.at)
			used := max(s.Seen, s.Created)
			if ok && at > used && at < s.Expires && (s.Idle == 0 || at < used+s.Idle) {
				s.Seen, changed = at, true
				m.sessions[use.Hash] = s
			}
		}
		return command.Result{Changed: changed}
	case *command.FinishErrands:
		before := len(m.errands)
		m.errands = slices.DeleteFunc(slices.Clone(m.errands), func(e directory.Errand) bool {
			return slices.Contains(p.IDs, directory.ErrandID{Seq: e.Seq, Ordinal: e.Ordinal})
		})
		return command.Result{Changed: len(m.errands) < before}
	case *command.PutApplication:
		next := directory.Application{
			ID: p.ID, Name: p.Name, SecretHash: p.SecretHash, PreviousHash: p.PreviousHash, RedirectURIs: p.RedirectURIs,
			LogoutURIs: p.LogoutURIs, BackChannelURI: p.BackChannelURI, Created: m.at, Modified: m.at, Version: m.seq,
		}
		old, had := m.applications[p.ID]
		deny(had && p.ExpectVersion == 0, directory.KindConflict)
		deny(had && p.ExpectVersion != old.Version, directory.KindStale)
		deny(!had && p.ExpectVersion != 0, directory.KindNotFound)
		if had {
			next.Created = old.Created
		}
		m.applications[p.ID] = next
		return m.done(next.Created)
	case *command.DeleteApplication:
		old, had := m.applications[p.ID]
		deny(!had, directory.KindNotFound)
		delete(m.applications, p.ID)
		return m.done(old.Created)
	}
	p := payload.(*command.CountAttempt)
	deny(len(p.Counts) == 0 || p.Expires <= m.at, directory.KindInvalid)
	counted := maps.Clone(m.attempts)
	for i, count := range p.Counts {
		deny(count.Limit < 1 || i > 0 && count.Key == p.Counts[0].Key, directory.KindInvalid)
	}
	if p.Void {
		return command.Result{}
	}
	for _, count := range p.Counts {
		a, ok := counted[count.Key]
		if !ok {
			a = directory.Attempt{Key: count.Key, Expires: p.Expires}
		}
		deny(a.Tries >= count.Limit, directory.KindTooLarge)
		a.Tries++
		counted[count.Key] = a
	}
	m.attempts = counted
	return m.done(m.at)
}

// signing applies what is of an organization.
func (m *model) signing(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	switch p := payload.(type) {
	case *command.EndSessions:
		return m.end(id, p)
	case *command.JoinSession:
		return m.join(id, p)
	case *command.PutSetupLink, *command.PutPasskey, *command.DeletePasskey, *command.PutRecovery, *command.DeleteCredentials:
		return m.credentials(id, o, payload)
	case *command.OpenLocalSession:
		return m.openLocal(id, o, p)
	case *command.RemindSecret:
		return m.remind(id, o, p)
	}
	p := payload.(*command.DeleteLink)
	identity := modelIdentity{p.Connection, p.Issuer, p.Subject}
	user, ok := o.links[identity]
	deny(!ok, directory.KindNotFound)
	delete(o.links, identity)
	m.endSessions(func(s directory.Session) bool {
		return s.Organization == id && s.User == user && s.Connection == p.Connection
	})
	return m.done(o.tied[identity])
}

func (m *model) end(id directory.OrganizationID, p *command.EndSessions) command.Result {
	once := p.Once != directory.Hash{}
	if once {
		m.once(p.Once, p.OnceExpiry)
	}
	deny(p.Connection == "" && p.Subject+p.ProviderSID != "", directory.KindInvalid)
	deny(p.All == (p.ID != "" || p.User != "" || p.Connection != ""), directory.KindInvalid)
	matches := func(want, got string) bool { return want == "" || want == got }
	ended := m.endSessions(func(s directory.Session) bool {
		return s.Organization == id && matches(string(p.ID), string(s.ID)) && matches(string(p.User), string(s.User)) &&
			matches(string(p.Connection), string(s.Connection)) && matches(p.Subject, s.Subject) && matches(p.ProviderSID, s.ProviderSID)
	})
	if once {
		m.transactions[p.Once] = p.OnceExpiry
	}
	if !once && ended == 0 {
		return command.Result{}
	}
	return m.done(m.at)
}

func (m *model) join(id directory.OrganizationID, p *command.JoinSession) command.Result {
	m.once(p.Code, p.CodeExpiry)
	s, ok := m.sessions[p.Session]
	deny(!ok || s.Organization != id || m.over(s), directory.KindUnauthenticated)
	_, ok = m.applications[p.Application]
	deny(!ok, directory.KindNotFound)
	m.transactions[p.Code] = p.CodeExpiry
	if !slices.Contains(s.Applications, p.Application) {
		s.Applications = append(slices.Clone(s.Applications), p.Application)
		m.sessions[p.Session] = s
	}
	return m.done(s.Created)
}

func (m *model) credentials(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	var c directory.Credentials
	change := func(email, handle string) {
		deny(!strings.Contains(email, "@"), directory.KindInvalid)
		owner, known := o.holder(email)
		deny(!known, directory.KindForbidden)
		var ok bool
		if c, ok = o.credentials[email]; ok {
			return
		}
		for _, org := range m.orgs {
			for _, other := range org.credentials {
				deny(other.Handle == handle, directory.KindConflict)
			}
		}
		c = directory.Credentials{Organization: id, Email: email, User: owner, Handle: handle, Created: m.at}
	}
	follow := func(by command.Setup) {
		var expires directory.Time
		for _, link := range c.Links {
			if link.Hash == by.Link {
				expires = link.Expires
			}
		}
		deny(by.Link != directory.Hash{} && expires <= m.at, directory.KindStale)
		c.Links = nil
		if by.Link != (directory.Hash{}) && by.Next != (directory.Hash{}) {
			c.Links = []directory.SetupLink{{Hash: by.Next, Expires: expires}}
		}
	}
	switch p := payload.(type) {
	case *command.PutSetupLink:
		deny(p.Hash == directory.Hash{} || p.Expires <= m.at, directory.KindInvalid)
		change(p.Email, p.Handle)
		var links []directory.SetupLink
		for _, link := range append(slices.Clone(c.Links), directory.SetupLink{Hash: p.Hash, Expires: p.Expires}) {
			if link.Expires > m.at && (link.Hash != p.Hash || link.Expires == p.Expires) {
				links = append(links, link)
			}
		}
		if len(links) > directory.MaxSetupLinks {
			links = links[1:]
		}
		c.Links = links
		m.putCredentials(o, c)
		return m.done(c.Created)
	case *command.PutPasskey:
		change(p.Email, p.Handle)
		follow(p.Setup)
		for _, org := range m.orgs {
			for _, other := range org.credentials {
				deny(keyAt(other, p.ID) >= 0, directory.KindConflict)
			}
		}
		deny(len(c.Passkeys) == directory.MaxPasskeys, directory.KindTooLarge)
		passkey := p.Passkey
		passkey.Created = m.at
		c.Passkeys = append(slices.Clone(c.Passkeys), passkey)
	case *command.DeletePasskey:
		c = o.credentials[p.Email]
		at := keyAt(c, p.ID)
		deny(at < 0, directory.KindNotFound)
		c.Passkeys = slices.Delete(slices.Clone(c.Passkeys), at, at+1)
		c.Links = nil
	case *command.DeleteCredentials:
		var ok bool
		c, ok = o.credentials[p.Email]
		deny(!ok, directory.KindNotFound)
		m.endLocal(id, o, c)
		c.Passkeys, c.Recovery, c.Links = nil, nil, nil
	case *command.PutRecovery:
		deny(len(slices.Compact(sorted(p.Hashes))) < len(p.Hashes), directory.KindInvalid)
		for _, org := range m.orgs {
			for _, other := range org.credentials {
				for _, hash := range p.Hashes {
					deny(slices.Contains(other.Recovery, hash) && (org != o || other.Email != p.Email), directory.KindConflict)
				}
			}
		}
		change(p.Email, p.Handle)
		follow(p.Setup)
		c.Recovery = p.Hashes
	}
	m.putCredentials(o, c)
	m.errand(directory.Errand{Kind: directory.ErrandCredentials, Organization: id, Subject: c.Email})
	return m.done(c.Created)
}

// holder tells whether an address is something to the organization, and which invited person it is, unless it is more.
func (o *modelOrg) holder(email string) (invited directory.ResourceID, known bool) {
	if email != "" && email == o.record.RootEmail || slices.Contains(o.record.BreakGlass, email) {
		return "", true
	}
	for _, u := range o.users {
		if u.UserNameKey == email && u.Source == directory.SourceInvited {
			return u.ID, true
		}
	}
	return "", false
}

// forget drops the credentials of every address that is nothing to its organization any more, or another invited person's.
func (m *model) forget() {
	for _, o := range m.orgs {
		o.forgetStrangers()
		maps.DeleteFunc(o.credentials, func(email string, c directory.Credentials) bool {
			invited, known := o.holder(email)
			return !known || invited != "" && invited != c.User
		})
	}
}

// endLocal ends the sessions that an address opened here.
func (m *model) endLocal(id directory.OrganizationID, o *modelOrg, c directory.Credentials) {
	root, _ := o.root()
	invited, _ := o.holder(c.Email)
	m.endSessions(func(s directory.Session) bool {
		switch {
		case s.Organization != id || s.Kind == directory.SessionSSO:
			return false
		case s.Kind == directory.SessionBreakGlass:
			return s.Email == c.Email
		case s.User == root.ID && c.Email == o.record.RootEmail:
			return true
		default:
			return s.User == invited || s.User == c.User
		}
	})
}

func (m *model) putCredentials(o *modelOrg, c directory.Credentials) {
	c.Modified, c.Version = m.at, m.seq
	delete(o.credentials, c.Email)
	if len(c.Passkeys)+len(c.Recovery)+len(c.Links) > 0 {
		o.credentials[c.Email] = c
	}
}

func keyAt(c directory.Credentials, id string) int {
	return slices.IndexFunc(c.Passkeys, func(p directory.Passkey) bool { return p.ID == id })
}

func sorted(hashes []directory.Hash) []directory.Hash {
	return slices.SortedFunc(slices.Values(hashes), func(a, b directory.Hash) int { return strings.Compare(string(a[:]), string(b[:])) })
}

func (m *model) openLocal(id directory.OrganizationID, o *modelOrg, p *command.OpenLocalSession) command.Result {
	m.once(p.Challenge, p.ChallengeExpiry)
	_, taken := m.sessions[p.Hash]
	deny(taken, directory.KindConflict)
	root := p.Email != "" && p.Email == o.record.RootEmail
	glass := !root && slices.Contains(o.record.BreakGlass, p.Email)
	user, there := o.users[p.User]
	if !root && !glass {
		deny(!user.Active || user.Source != directory.SourceInvited || user.UserNameKey != p.Email, directory.KindForbidden)
		for _, c := range o.connections {
			deny(o.record.SignIn.RequireSSO && c.Enabled && slices.Contains(o.record.Domains, directory.EmailDomain(p.Email)), directory.KindForbidden)
		}
	}
	c := o.credentials[p.Email]
	code, key := slices.Index(c.Recovery, p.Recovery), keyAt(c, p.Passkey)
	deny(p.Recovery != directory.Hash{} && code < 0 || p.Passkey != "" && key < 0, directory.KindForbidden)
	if root || glass {
		user, there = o.root()
		deny(there && !user.Active, directory.KindForbidden)
		deny(!there && o.taken(p.User), directory.KindConflict)
		user = m.rootAt(o, user, p.User)
	}
	if code >= 0 {
		c.Recovery = slices.Delete(slices.Clone(c.Recovery), code, code+1)
	}
	if key >= 0 {
		c.Passkeys = slices.Clone(c.Passkeys)
		c.Passkeys[key].SignCount, c.Passkeys[key].LastUsed = p.SignCount, m.at
	}
	if code >= 0 || key >= 0 {
		m.putCredentials(o, c)
	}
	m.transactions[p.Challenge] = p.ChallengeExpiry
	s := directory.Session{
		ID: p.ID, Hash: p.Hash, Organization: id, User: user.ID, UserNumber: user.Number, Created: m.at,
		Expires: m.at + directory.Time(p.Lifetime), Kind: directory.SessionLocal,
	}
	m.detail(&s, p.SessionDetails)
	if glass {
		s.Kind, s.Email, s.Idle, s.Expires = directory.SessionBreakGlass, p.Email, 0, min(s.Expires, m.at+3600_000_000)
		m.errand(directory.Errand{Kind: directory.ErrandBreakGlass, Organization: id, Subject: p.Email})
	}
	if m.level < 2 {
		s.Seq = 0
	}
	m.sessions[p.Hash] = s
	address := ""
	if root || glass {
		address = p.Email
	}
	m.signedIn(o, s, address, false)
	return m.done(m.at)
}

func (m *model) detail(s *directory.Session, d command.SessionDetails) {
	s.Idle, s.Methods, s.Agent, s.Address, s.Seq = d.Idle, d.Methods, d.Agent, d.Address, m.seq
}

// root finds the oldest root user.
func (o *modelOrg) root() (root directory.User, ok bool) {
	for _, u := range o.users {
		if u.Source == directory.SourceRoot && (!ok || u.Number < root.Number) {
			root, ok = u, true
		}
	}
	return root, ok
}

// rootAt makes the root user, or gives it the organization's present address.
func (m *model) rootAt(o *modelOrg, root directory.User, id directory.ResourceID) directory.User {
	if root.Number > 0 && root.Email() == o.record.RootEmail {
		return root
	}
	if root.Number == 0 {
		root = directory.User{
			ID: id, Number: o.next, Source: directory.SourceRoot, Active: true, UserNameKey: "\x00root", DisplayName: "Root user",
			Attributes: "{}", Created: m.at,
		}
		o.next++
	}
	root.UserName, root.Emails, root.Modified, root.Version = "root", nil, m.at, m.seq
	if address := o.record.RootEmail; address != "" {
		root.UserName, root.Emails = address, []string{address}
	}
	o.users[root.ID] = root
	return root
}

func (m *model) remind(id directory.OrganizationID, o *modelOrg, p *command.RemindSecret) command.Result {
	c, ok := o.connections[p.Connection]
	deny(!ok, directory.KindNotFound)
	r := command.Result{Version: c.Version, Created: c.Created, Modified: c.Modified}
	if p.Stage <= c.Reminded || p.Stage > c.RemindersDue(m.at) {
		return r
	}
	c.Reminded, r.Changed = p.Stage, true
	o.connections[p.Connection] = c
	m.errand(directory.Errand{Kind: directory.ErrandSecret, Organization: id, Subject: string(p.Connection)})
	return r
}

func (m *model) compareSigning(v *state.View) error {
	attempts := make(map[directory.Hash]directory.Attempt)
	for i := range 6 {
		if a, ok := v.Attempt(directory.Hash{0: byte(i), 31: 1}); ok {
			attempts[a.Key] = *a
		}
	}
	if !reflect.DeepEqual(attempts, m.attempts) {
		return fmt.Errorf("attempts %+v, the model's %+v", attempts, m.attempts)
	}
	applications := make(map[directory.ApplicationID]directory.Application)
	for application := range v.Applications() {
		applications[application.ID] = *application
	}
	if !reflect.DeepEqual(applications, m.applications) {
		return fmt.Errorf("applications %+v, the model's %+v", applications, m.applications)
	}
	for id, o := range m.orgs {
		d, _ := v.Directory(id)
		credentials := make(map[string]directory.Credentials)
		for c := range d.AllCredentials() {
			credentials[c.Email] = *c
		}
		if !equalCredentials(credentials, o.credentials) {
			return fmt.Errorf("credentials %+v, the model's %+v", credentials, o.credentials)
		}
	}
	return m.learnErrands(v)
}

// equalCredentials takes an empty list for none.
func equalCredentials(a, b map[string]directory.Credentials) bool {
	return maps.EqualFunc(a, b, func(a, b directory.Credentials) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
}

// learnErrands compares the errands without their places and the texts that are for people, which the model does not know,
// and takes those of the view.
func (m *model) learnErrands(v *state.View) error {
	var got []directory.Errand
	for errand := range v.Errands() {
		got = append(got, *errand)
	}
	plain := func(list []directory.Errand) []directory.Errand {
		list = slices.Clone(list)
		for i := range list {
			list[i].Ordinal = 0
			if list[i].Kind != directory.ErrandLogout {
				list[i].Detail = ""
			}
		}
		slices.SortFunc(list, func(a, b directory.Errand) int {
			return cmp.Or(cmp.Compare(a.Seq, b.Seq), strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
		})
		return list
	}
	if !slices.Equal(plain(got), plain(m.errands)) {
		return fmt.Errorf("errands %+v, the model's %+v", plain(got), plain(m.errands))
	}
	m.errands = got
	return nil
}
