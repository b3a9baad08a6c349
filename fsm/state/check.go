package state

import (
	"fmt"
	"iter"

	"domicile/directory"
)

// Check tells whether every index of the view equals a scan of the records that it indexes, and whether the records refer
// to records that are there. It is for tests and for checking a backup; the error names the first fault.
func (v *View) Check() error {
	var c checker
	var credentials, passkeys, recovery int
	var domains, tokens, tokensEnd, clients, connections, sessions, staged, deletedEnd int
	for d := range v.Directories() {
		c.directory(v, d)
		domains += len(d.org.Domains)
		tokens += d.tokens.Len()
		tokensEnd += countIf(d.tokens.all(), func(t *directory.Token) bool { return t.Expires != 0 })
		clients += d.oauthClients.Len()
		connections += d.connections.Len()
		sessions += d.sessionsUser.Len()
		credentials += d.credentials.Len()
		p, r := c.localCredentials(v, d)
		passkeys, recovery = passkeys+p, recovery+r
		staged += len(d.staging.changes)
		deletedEnd += countIf(d.DeletedUsers(), func(u *directory.DeletedUser) bool { return u.Expires != 0 })
	}
	c.equal("slugs", v.slugs.Len(), v.directories.Len())
	c.equal("domains", v.domains.Len(), domains)
	c.equal("tokens by hash", v.tokens.Len(), tokens)
	c.equal("tokens by end", v.tokensEnd.Len(), tokensEnd)
	c.equal("OAuth clients by id", v.oauthClients.Len(), clients)
	c.equal("connections by id", v.connections.Len(), connections)
	c.equal("connections by client", v.clients.Len(), connections)
	c.equal("sessions by hash", v.sessions.Len(), sessions)
	c.equal("sessions by id", v.sessionsID.Len(), sessions)
	c.equal("sessions by end", v.sessionsEnd.Len(), sessions)
	c.equal("credentials by handle", v.credentialsHandle.Len(), credentials)
	c.equal("credentials by passkey", v.passkeys.Len(), passkeys)
	c.equal("credentials by recovery code", v.recovery.Len(), recovery)
	c.attempts(v)
	c.errands(v)
	c.equal("staged changes by end", v.stagedEnd.Len(), staged)
	c.equal("deleted users by end", v.deletedEnd.Len(), deletedEnd)
	for row := range v.transactions.all() {
		_, ok := v.transEnd.Get(row)
		c.holds(ok, "transaction of %d is not among the ends", row.expires)
	}
	c.equal("transactions by end", v.transEnd.Len(), v.transactions.Len())
	c.providers(v)
	c.applications(v)
	c.holds(v.level >= 1, "level is %d", v.level)
	c.holds(v.settings != nil && v.settings.Version <= v.seq, "the settings are missing or of the future")
	return c.err
}

func countIf[T any](seq iter.Seq[T], counts func(T) bool) int {
	n := 0
	for item := range seq {
		if counts(item) {
			n++
		}
	}
	return n
}

type checker struct{ err error }

func (c *checker) holds(ok bool, format string, args ...any) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("ledger does not agree with itself: "+format, args...)
	}
}

func (c *checker) equal(what string, got, want int) {
	c.holds(got == want, "%s: %d rows where a scan gives %d", what, got, want)
}

// same checks that a look-up in an index finds exactly this record.
func same[T any](c *checker, what string, t tree[*T], record *T) {
	found, ok := t.Get(record)
	c.holds(ok && found == record, "%s holds another record or none", what)
}

func (c *checker) directory(v *View, d *Directory) {
	slug, _ := v.slugs.Get(slugRow{slug: d.org.Slug})
	c.holds(slug.organization == d.org.ID, "slug %q is not that of organization %s", d.org.Slug, d.org.ID)
	for _, domain := range d.org.Domains {
		row, _ := v.domains.Get(domainRow{domain: domain})
		c.holds(row.organization == d.org.ID, "a domain of organization %s leads elsewhere", d.org.ID)
	}
	c.users(d)
	c.groups(d)
	c.members(d)
	c.credentials(v, d)
	c.sessions(v, d)
	c.staged(v, d)
	c.syncLog(v, d)
	c.deleted(v, d)
	c.requests(v, d)
	c.domains(v, d)
	c.audit(v, d)
	c.signIns(v, d)
}

func (c *checker) users(d *Directory) {
	externals, emails := 0, 0
	for u := range d.AllUsers() {
		found, ok := d.User(u.ID)
		c.holds(ok && found == u, "users by id holds another record or none")
		same(c, "users by name", d.usersName, u)
		if u.ExternalID != "" {
			externals++
			same(c, "users by external id", d.usersExt, u)
		}
		seen := make(map[string]bool, len(u.Emails))
		for _, email := range u.Emails {
			row, ok := d.usersEmail.Get(emailRow{email, u})
			c.holds(ok && row.user == u, "e-mail index holds another record of user %s or none", u.ID)
			seen[email] = true
		}
		emails += len(seen)
		c.number(d, u.ID, u.Number)
		_, taken := d.Group(u.ID)
		c.holds(!taken, "id %s is of a user and of a group", u.ID)
		_, taken = d.GroupByNumber(u.Number)
		c.holds(!taken, "number %d is of a user and of a group", u.Number)
	}
	countSources(c, "users", &d.users)
	c.equal("users by name", d.usersName.Len(), d.users.len())
	c.equal("users by external id", d.usersExt.Len(), externals)
	c.equal("users by e-mail", d.usersEmail.Len(), emails)
}

func countSources[T any](c *checker, what string, r *records[T]) {
	var counts [len(r.counts)]int
	for record := range r.all() {
		counts[r.head(record).source]++
	}
	c.holds(counts == r.counts, "%s by source: %v where a scan gives %v", what, r.counts, counts)
	c.equal(what+" by id", r.len(), r.order.Len())
}

func (c *checker) groups(d *Directory) {
	externals := 0
	for g := range d.AllGroups() {
		found, ok := d.Group(g.ID)
		c.holds(ok && found == g, "groups by id holds another record or none")
		same(c, "groups by name", d.groupsName, g)
		if g.ExternalID != "" {
			externals++
			same(c, "groups by external id", d.groupsExt, g)
		}
		c.number(d, g.ID, g.Number)
	}
	countSources(c, "groups", &d.groups)
	c.equal("groups by name", d.groupsName.Len(), d.groups.len())
	c.equal("groups by external id", d.groupsExt.Len(), externals)
}

func (c *checker) number(d *Directory, id directory.ResourceID, n directory.Number) {
	c.holds(n > 0 && n < d.next, "number %d of %s was not given out yet", n, id)
}

func (c *checker) members(d *Directory) {
	for p := range d.members.all() {
		_, back := d.containers.Get(pair{p.b, p.a})
		c.holds(back, "membership %d in %d has no way back", p.b, p.a)
		_, group := d.GroupByNumber(p.a)
		_, isUser := d.UserByNumber(p.b)
		_, isGroup := d.GroupByNumber(p.b)
		c.holds(group && (isUser || isGroup), "membership %d in %d is of nobody", p.b, p.a)
		c.holds(p.a != p.b, "group %d is its own member", p.a)
	}
	c.equal("containers", d.containers.Len(), d.members.Len())
}

func (c *checker) credentials(v *View, d *Directory) {
	c.tokens(v, d)
	for client := range d.oauthClients.all() {
		same(c, "OAuth clients by id", v.oauthClients, client)
		c.holds(client.Organization == d.org.ID, "OAuth client %s is filed under another organization", client.ID)
	}
	for schema := range d.schemas.all() {
		c.holds(schema.Version <= d.schemasVersion, "schema %s is newer than all schemas", schema.URN)
	}
	c.holds(d.schemas.Len() <= directory.MaxSchemas, "organization %s has too many schemas", d.org.ID)
	c.holds(d.schemasVersion <= v.seq, "the schemas of organization %s are of the future", d.org.ID)
	for connection := range d.connections.all() {
		same(c, "connections by id", v.connections, connection)
		same(c, "connections by client", v.clients, connection)
		c.holds(connection.Organization == d.org.ID, "connection %s is filed under another organization", connection.ID)
		for _, domain := range connection.Domains {
			named, ok := d.ConnectionNaming(domain)
			c.holds(!connection.Enabled || ok && named == connection, "domain %s is named by two connections", domain)
		}
	}
	for l := range d.links.all() {
		same(c, "links by user", d.linksUser, l)
		_, connection := d.Connection(l.Connection)
		_, user := d.User(l.User)
		c.holds(connection && user, "a link of user %s through connection %s is of nobody", l.User, l.Connection)
	}
	c.equal("links by user", d.linksUser.Len(), d.links.Len())
}

func (c *checker) tokens(v *View, d *Directory) {
	for t := range d.tokens.all() {
		found, ok := v.TokenByHash(t.Hash)
		c.holds(ok && found == t, "tokens by hash holds another record or none")
		same(c, "tokens by kind", d.tokensKind, t)
		if t.Expires != 0 {
			same(c, "tokens by end", v.tokensEnd, t)
		}
		c.holds(t.Organization == d.org.ID, "token %s is filed under another organization", t.ID)
		_, known := d.Client(t.Client)
		bearer := t.Kind == directory.TokenBearer
		c.holds(bearer == (t.Client == "") && (bearer || known), "token %s is of a client that it cannot be of", t.ID)
	}
	holder, held := new(directory.Token), 0
	for t := range d.tokensKind.all() {
		if t.Kind != holder.Kind || t.Client != holder.Client {
			holder, held = t, 0
		}
		held++
		c.holds(held <= t.Kind.Most(), "organization %s holds too many tokens of client %q", d.org.ID, t.Client)
	}
	c.equal("tokens by kind", d.tokensKind.Len(), d.tokens.Len())
}
