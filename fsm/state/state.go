package state

import (
	"slices"

	"domicile/directory"
)

// State is the writer's side of the tables. It has one owner, the FSM, which checks every rule before it calls a method
// here: the methods only keep the trees and their indexes in step.
type State struct {
	tables
	touched map[directory.OrganizationID]*Directory // already copied since the last Publish
}

// New makes an empty ledger of one region and cluster.
func New(identity Identity) *State {
	return &State{tables: newTables(identity), touched: make(map[directory.OrganizationID]*Directory)}
}

// Publish gives a view of everything written so far. The cost is a few pointers per tree and per touched organization.
func (s *State) Publish() *View {
	clear(s.touched)
	return &View{tables: s.tables.copy()}
}

// Begin advances the clock to the leader's stamp, which never goes back, and sweeps what has expired by then, a bounded
// number of rows at a time.
func (s *State) Begin(at directory.Time) {
	const (
		sweep  = 256
		forget = 32768 // much cheaper each
	)
	s.at = max(s.at, at)
	s.requests.forget(s.at, forget)
	for range sweep {
		row, ok := s.transEnd.Min()
		if !ok || row.expires >= s.at {
			break
		}
		s.transEnd.Delete(row)
		s.transactions.Delete(row)
	}
	s.sweepSessions(sweep)
	s.sweepTokens(sweep)
	s.sweepAttempts(sweep)
	s.sweepErrands(sweep)
	s.sweepStaged(sweep)
	s.sweepDeleted(sweep)
}

// NextSeq gives the next command its seq.
func (s *State) NextSeq() uint64 {
	s.seq++
	return s.seq
}

// SetLevel raises the behaviour level.
func (s *State) SetLevel(level uint64) { s.level = level }

// Remembered finds the result of a request that was applied before.
func (s *State) Remembered(id [16]byte) (Remembered, bool) { return s.requests.find(id) }

// Remember keeps a result until its deadline.
func (s *State) Remember(row Remembered) { s.requests.add(row) }

// Write gives an organization's data for changing; what published views hold stays as it is.
func (s *State) Write(id directory.OrganizationID) (*Directory, bool) {
	if d, ok := s.touched[id]; ok {
		return d, true
	}
	d, ok := s.Directory(id)
	if !ok {
		return nil, false
	}
	d = d.copy()
	s.directories.Set(directoryRow{d.org.ID, d})
	s.touched[id] = d
	return d, true
}

// PutOrganization adds or replaces an organization's own record.
func (s *State) PutOrganization(org *directory.Organization) {
	d, ok := s.Write(org.ID)
	if !ok {
		d = newDirectory(org)
		s.touched[org.ID] = d
	} else {
		s.dropNames(d.org)
		d.org = org
	}
	s.directories.Set(directoryRow{d.org.ID, d})
	s.slugs.Set(slugRow{org.Slug, org.ID})
	for _, domain := range org.Domains {
		s.domains.Set(domainRow{domain, org.ID})
	}
}

func (s *State) dropNames(org *directory.Organization) {
	s.slugs.Delete(slugRow{slug: org.Slug})
	for _, domain := range org.Domains {
		s.domains.Delete(domainRow{domain: domain})
	}
}

// DeleteOrganization removes an organization and everything in it.
func (s *State) DeleteOrganization(d *Directory) {
	s.dropNames(d.org)
	for token := range d.tokens.all() {
		s.dropToken(token)
	}
	for client := range d.oauthClients.all() {
		s.oauthClients.Delete(client)
	}
	for connection := range d.connections.all() {
		s.connections.Delete(connection)
		s.clients.Delete(connection)
	}
	for session := range d.sessionsUser.all() {
		s.dropSession(session)
	}
	for credentials := range d.credentials.all() {
		s.dropCredentials(credentials)
	}
	s.dropErrands(d.org.ID)
	for _, change := range d.staging.changes {
		s.stagedEnd.Delete(change)
	}
	for deleted := range d.deleted.order.all() {
		s.deletedEnd.Delete(deleted)
	}
	s.directories.Delete(directoryRow{id: d.org.ID})
	delete(s.touched, d.org.ID)
}

// UseTransaction remembers a consumed login transaction until it expires.
func (s *State) UseTransaction(hash directory.Hash, expires directory.Time) {
	row := transactionRow{hash, expires}
	s.transactions.Set(row)
	s.transEnd.Set(row)
}

// NextNumber gives out the organization's next user or group number.
func (d *Directory) NextNumber() directory.Number {
	n := d.next
	d.next++
	return n
}

// PutUser adds a user, or replaces old by it.
func (d *Directory) PutUser(old, user *directory.User) {
	if old != nil {
		d.dropUserKeys(old, user)
	}
	d.addUser(old, user)
}

func (d *Directory) addUser(old, user *directory.User) {
	d.users.set(user, old)
	d.usersName.Set(user)
	if user.ExternalID != "" {
		d.usersExt.Set(user)
	}
	for _, email := range user.Emails {
		d.usersEmail.Set(emailRow{email, user})
	}
}

// dropUserKeys removes old's index rows that user will not overwrite.
func (d *Directory) dropUserKeys(old, user *directory.User) {
	if user == nil || old.UserNameKey != user.UserNameKey {
		d.usersName.Delete(old)
	}
	if old.ExternalID != "" && (user == nil || old.ExternalID != user.ExternalID) {
		d.usersExt.Delete(old)
	}
	for _, email := range old.Emails {
		d.usersEmail.Delete(emailRow{email, old})
	}
}

// DeleteUser removes a user, its memberships, links and sessions. The caller gives the groups that lost a member a new
// version.
func (s *State) DeleteUser(d *Directory, user *directory.User) {
	s.DeleteSessionsOf(d, user.Number)
	for _, link := range slices.Collect(d.LinksOf(user.ID)) {
		d.DeleteLink(link)
	}
	d.leaveAll(user.Number)
	d.dropUserKeys(user, nil)
	d.users.delete(user)
}

// PutGroup adds a group, or replaces old by it.
func (d *Directory) PutGroup(old, group *directory.Group) {
	if old != nil && old.DisplayNameKey != group.DisplayNameKey {
		d.groupsName.Delete(old)
	}
	if old != nil && old.ExternalID != "" && old.ExternalID != group.ExternalID {
		d.groupsExt.Delete(old)
	}
	d.groups.set(group, old)
	d.groupsName.Set(group)
	if group.ExternalID != "" {
		d.groupsExt.Set(group)
	}
}

// DeleteGroup removes a group and the memberships on both of its sides. The caller gives the groups that it was in a new
// version.
func (d *Directory) DeleteGroup(group *directory.Group) {
	for _, member := range slices.Collect(d.MembersOf(group.Number)) {
		d.RemoveMember(group.Number, member)
	}
	d.leaveAll(group.Number)
	d.groups.delete(group)
	d.groupsName.Delete(group)
	if group.ExternalID != "" {
		d.groupsExt.Delete(group)
	}
}

func (d *Directory) leaveAll(member directory.Number) {
	for _, group := range slices.Collect(d.GroupsOf(member)) {
		d.RemoveMember(group, member)
	}
}

// AddMember makes member a direct member of group and tells whether it was not.
func (d *Directory) AddMember(group, member directory.Number) bool {
	_, had := d.members.Set(pair{group, member})
	d.containers.Set(pair{member, group})
	return !had
}

// RemoveMember undoes AddMember and tells whether there was something to undo.
func (d *Directory) RemoveMember(group, member directory.Number) bool {
	_, had := d.members.Delete(pair{group, member})
	d.containers.Delete(pair{member, group})
	return had
}
