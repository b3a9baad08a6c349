package state

import (
	"iter"
	"strings"
	"sync"

	"domicile/directory"
)

// Directory is one organization's part of a view: its people, groups, memberships, tokens, connections and links.
type Directory struct {
	org  *directory.Organization
	next directory.Number // the next number to give out

	users        records[directory.User]
	usersName    tree[*directory.User] // by userName key
	usersExt     tree[*directory.User] // by (externalId, number)
	usersEmail   tree[emailRow]        // by (address, number)
	groups       records[directory.Group]
	groupsName   tree[*directory.Group] // by displayName key
	groupsExt    tree[*directory.Group]
	members      tree[pair]                  // (group, member)
	containers   tree[pair]                  // (member, group)
	tokens       tree[*directory.Token]      // by id
	tokensKind   tree[*directory.Token]      // by (kind, client, created, id)
	oauthClients tree[*directory.Client]     // by id
	connections  tree[*directory.Connection] // by id
	links        tree[*directory.Link]       // by (connection, issuer, subject)
	linksUser    tree[*directory.Link]       // by (user, connection, issuer, subject)
	sessionsUser tree[*directory.Session]    // by (user number, created, hash)

	sessionsThrough tree[*directory.Session]     // of those through a connection, by (connection, subject, hash)
	sessionsSID     tree[*directory.Session]     // of those that the provider named, by (connection, provider's sid, hash)
	credentials     tree[*directory.Credentials] // by address

	requests tree[*directory.ConnectionRequest] // by id
	claims   tree[*directory.Domain]            // by name
	audit    tree[*directory.AuditRow]          // by (seq, ordinal)

	schemas        tree[*directory.Schema] // by URN
	schemasVersion uint64                  // newest seq at which a schema was put or deleted

	staging staging
	sync    syncLog
	signIns signIns
	deleted deletedUsers

	copying *sync.Mutex // held by whoever copies the directory once it is published
}

// pair is a membership in one of its two directions.
type pair struct{ a, b directory.Number }

type emailRow struct {
	email string
	user  *directory.User
}

func newDirectory(org *directory.Organization) *Directory {
	return &Directory{
		org: org, next: 1,
		users:     newRecords(func(u *directory.User) head { return head{u.ID, u.Number, u.Source} }),
		usersName: newTree(func(a, b *directory.User) bool { return a.UserNameKey < b.UserNameKey }),
		usersExt: newTree(func(a, b *directory.User) bool {
			return a.ExternalID < b.ExternalID || a.ExternalID == b.ExternalID && a.Number < b.Number
		}),
		usersEmail: newTree(func(a, b emailRow) bool {
			return a.email < b.email || a.email == b.email && a.user.Number < b.user.Number
		}),
		groups:     newRecords(func(g *directory.Group) head { return head{g.ID, g.Number, g.Source} }),
		groupsName: newTree(func(a, b *directory.Group) bool { return a.DisplayNameKey < b.DisplayNameKey }),
		groupsExt: newTree(func(a, b *directory.Group) bool {
			return a.ExternalID < b.ExternalID || a.ExternalID == b.ExternalID && a.Number < b.Number
		}),
		members:      newTree(lessPair),
		containers:   newTree(lessPair),
		tokens:       newTree(func(a, b *directory.Token) bool { return a.ID < b.ID }),
		tokensKind:   newTree(lessTokenKind),
		oauthClients: newTree(lessClient),
		connections:  newTree(func(a, b *directory.Connection) bool { return a.ID < b.ID }),
		links:        newTree(lessLink),
		linksUser: newTree(func(a, b *directory.Link) bool {
			return a.User < b.User || a.User == b.User && lessLink(a, b)
		}),
		sessionsUser: newTree(lessSession),

		sessionsThrough: newTree(lessSessionThrough),
		sessionsSID:     newTree(lessSessionSID),
		credentials:     newTree(lessCredentials),

		requests: newTree(lessRequest),
		claims:   newTree(lessDomain),
		audit:    newTree(lessAudit),
		schemas:  newTree(lessSchema),
		sync:     newSyncLog(),
		signIns:  newSignIns(),
		deleted:  newDeletedUsers(),
		copying:  new(sync.Mutex),
	}
}

func lessPair(x, y pair) bool { return x.a < y.a || x.a == y.a && x.b < y.b }

func (d *Directory) copy() *Directory {
	d.copying.Lock()
	defer d.copying.Unlock()
	c := *d
	c.copying = new(sync.Mutex)
	c.users = d.users.copy()
	c.usersName = d.usersName.copy()
	c.usersExt = d.usersExt.copy()
	c.usersEmail = d.usersEmail.copy()
	c.groups = d.groups.copy()
	c.groupsName = d.groupsName.copy()
	c.groupsExt = d.groupsExt.copy()
	c.members = d.members.copy()
	c.containers = d.containers.copy()
	c.tokens = d.tokens.copy()
	c.tokensKind = d.tokensKind.copy()
	c.oauthClients = d.oauthClients.copy()
	c.connections = d.connections.copy()
	c.links = d.links.copy()
	c.linksUser = d.linksUser.copy()
	c.sessionsUser = d.sessionsUser.copy()
	c.sessionsThrough = d.sessionsThrough.copy()
	c.sessionsSID = d.sessionsSID.copy()
	c.credentials = d.credentials.copy()
	c.requests = d.requests.copy()
	c.claims = d.claims.copy()
	c.audit = d.audit.copy()
	c.schemas = d.schemas.copy()
	c.sync = d.sync.copy()
	c.signIns = d.signIns.copy()
	c.deleted = d.deleted.copy()
	return &c
}

// Organization gives the organization's own record.
func (d *Directory) Organization() *directory.Organization { return d.org }

// RootUser finds the organization's root user, who is there from the first sign-in on.
func (d *Directory) RootUser() (*directory.User, bool) {
	for user := range d.users.at(directory.SourceRoot, 0) {
		return user, true
	}
	return nil, false
}

// User finds a user by id.
func (d *Directory) User(id directory.ResourceID) (*directory.User, bool) {
	return d.users.byID(id)
}

// UserByNumber finds a user by number.
func (d *Directory) UserByNumber(n directory.Number) (*directory.User, bool) {
	return d.users.byNumber(n)
}

// UserByName finds a user by the folded userName.
func (d *Directory) UserByName(key string) (*directory.User, bool) {
	return d.usersName.Get(&directory.User{UserNameKey: key})
}

// UsersByNamePrefix iterates over the users whose folded userName starts with prefix, in the name's byte order.
func (d *Directory) UsersByNamePrefix(prefix string) iter.Seq[*directory.User] {
	return while(d.usersName.from(&directory.User{UserNameKey: prefix}),
		func(u *directory.User) bool { return strings.HasPrefix(u.UserNameKey, prefix) })
}

// UsersByExternalID iterates over the users with exactly this externalId, in creation order.
func (d *Directory) UsersByExternalID(id string) iter.Seq[*directory.User] {
	return while(d.usersExt.from(&directory.User{ExternalID: id}),
		func(u *directory.User) bool { return u.ExternalID == id })
}

// UsersByEmail iterates over the users that have the folded address among theirs, in creation order.
func (d *Directory) UsersByEmail(email string) iter.Seq[*directory.User] {
	return func(yield func(*directory.User) bool) {
		for row := range d.usersEmail.from(emailRow{email, &directory.User{}}) {
			if row.email != email || !yield(row.user) {
				return
			}
		}
	}
}

// Users iterates over the users of one source in creation order, from position index, counted from 0.
func (d *Directory) Users(source directory.Source, index int) iter.Seq[*directory.User] {
	return d.users.at(source, index)
}

// UsersAfter iterates over the users of one source in creation order, from the first number above n.
func (d *Directory) UsersAfter(source directory.Source, n directory.Number) iter.Seq[*directory.User] {
	return d.users.after(source, n)
}

// UserCount counts the users of one source.
func (d *Directory) UserCount(source directory.Source) int { return d.users.counts[source] }

// AllUsers iterates over the users of every source, by source and then in creation order.
func (d *Directory) AllUsers() iter.Seq[*directory.User] { return d.users.all() }

// Group finds a group by id.
func (d *Directory) Group(id directory.ResourceID) (*directory.Group, bool) {
	return d.groups.byID(id)
}

// GroupByNumber finds a group by number.
func (d *Directory) GroupByNumber(n directory.Number) (*directory.Group, bool) {
	return d.groups.byNumber(n)
}

// GroupByName finds a group by the folded displayName.
func (d *Directory) GroupByName(key string) (*directory.Group, bool) {
	return d.groupsName.Get(&directory.Group{DisplayNameKey: key})
}

// GroupsByNamePrefix iterates over the groups whose folded displayName starts with prefix, in the name's byte order.
func (d *Directory) GroupsByNamePrefix(prefix string) iter.Seq[*directory.Group] {
	return while(d.groupsName.from(&directory.Group{DisplayNameKey: prefix}),
		func(g *directory.Group) bool { return strings.HasPrefix(g.DisplayNameKey, prefix) })
}

// GroupsByExternalID iterates over the groups with exactly this externalId, in creation order.
func (d *Directory) GroupsByExternalID(id string) iter.Seq[*directory.Group] {
	return while(d.groupsExt.from(&directory.Group{ExternalID: id}),
		func(g *directory.Group) bool { return g.ExternalID == id })
}

// Groups iterates over the groups of one source in creation order, from position index, counted from 0.
func (d *Directory) Groups(source directory.Source, index int) iter.Seq[*directory.Group] {
	return d.groups.at(source, index)
}

// GroupsAfter iterates over the groups of one source in creation order, from the first number above n.
func (d *Directory) GroupsAfter(source directory.Source, n directory.Number) iter.Seq[*directory.Group] {
	return d.groups.after(source, n)
}

// GroupCount counts the groups of one source.
func (d *Directory) GroupCount(source directory.Source) int { return d.groups.counts[source] }

// AllGroups iterates over the groups of every source, by source and then in creation order.
func (d *Directory) AllGroups() iter.Seq[*directory.Group] { return d.groups.all() }

// MembersOf iterates over the numbers of a group's direct members, users and groups alike, in their creation order.
func (d *Directory) MembersOf(group directory.Number) iter.Seq[directory.Number] {
	return seconds(d.members, group)
}

// GroupsOf iterates over the numbers of the groups that a user or group is a direct member of, in their creation order.
func (d *Directory) GroupsOf(member directory.Number) iter.Seq[directory.Number] {
	return seconds(d.containers, member)
}

// IsMember tells whether member is a direct member of group.
func (d *Directory) IsMember(group, member directory.Number) bool {
	_, ok := d.members.Get(pair{group, member})
	return ok
}

// MembersUpTo counts a group's direct members, but stops counting at limit.
func (d *Directory) MembersUpTo(group directory.Number, limit int) int {
	n := 0
	for range d.MembersOf(group) {
		if n >= limit {
			break
		}
		n++
	}
	return n
}

// Number finds the number of a user or group by id.
func (d *Directory) Number(id directory.ResourceID) (directory.Number, bool) {
	if u, ok := d.User(id); ok {
		return u.Number, true
	}
	if g, ok := d.Group(id); ok {
		return g.Number, true
	}
	return 0, false
}

// Has tells whether a number is that of a user or group.
func (d *Directory) Has(n directory.Number) bool {
	_, user := d.UserByNumber(n)
	if user {
		return true
	}
	_, group := d.GroupByNumber(n)
	return group
}

func seconds(t tree[pair], first directory.Number) iter.Seq[directory.Number] {
	return func(yield func(directory.Number) bool) {
		for p := range t.from(pair{a: first}) {
			if p.a != first || !yield(p.b) {
				return
			}
		}
	}
}
