package oidc

import (
	"iter"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// whois finds the provisioned user behind an identity. Where everybody in the world has the same issuer the account must be
// of the organization's own. Then a link that exists decides; otherwise the strongest hint that leads to anybody does, and a
// hint below it is not asked. Users that the identity cannot claim are as good as absent.
func whois(d *state.Directory, connection *directory.Connection, id *identity) (*directory.User, *Refusal) {
	org := d.Organization()
	if id.shared && !inDomain(org, id.domain) {
		return nil, refuse(ReasonForeignAccount, nil) // an account that has left the organization too
	}
	if link, ok := d.Link(connection.ID, id.issuer, id.subject); ok {
		user, ok := d.User(link.User)
		if !ok || user.Source == directory.SourceRoot {
			return nil, refuse(ReasonLinkConflict, nil).of(link.User)
		}
		return active(user)
	}
	if user, ok := byExternalID(d, id.external); ok {
		return active(user)
	}
	if user, ok := byName(d, connection, id); ok && !linkedThrough(d, connection, user) {
		return active(user)
	}
	if user, ok := byEmail(d, connection, id); ok && !linked(d, user) {
		return active(user)
	}
	return nil, refuse(ReasonNotProvisioned, nil)
}

// inDomain tells whether a provider names one of the organization's domains. Letter case is the one liberty: look-alikes
// beyond ASCII are other names.
func inDomain(org *directory.Organization, domain string) bool {
	return directory.IsASCII(domain) && slices.Contains(org.Domains, strings.ToLower(domain))
}

// elsewhere tells whether an address is in a domain of the organization that another connection is for.
func elsewhere(d *state.Directory, connection *directory.Connection, address string) bool {
	domain := emailDomain(address)
	return slices.Contains(d.Organization().Domains, domain) && !d.Vouches(connection, domain)
}

func active(user *directory.User) (*directory.User, *Refusal) {
	if !user.Active {
		return nil, refuse(ReasonInactive, nil).of(user.ID)
	}
	return user, nil
}

// byExternalID compares texts, never numbers: "7" is not "07". Only SCIM sets the attribute.
func byExternalID(d *state.Directory, external string) (*directory.User, bool) {
	if external == "" {
		return nil, false
	}
	return only(d.UsersByExternalID(external), func(u *directory.User) bool { return u.Source == directory.SourceSCIM })
}

// byName matches the userName of somebody whom the identity provider itself provisioned: the name of a person who was
// invited is an address, and proves nothing unless the provider stands for it. A name that looks like the e-mail address of
// the identity is an address, and is held to the rules of addresses, and so is one in a domain that another connection of the
// organization is for; the root user's address is nobody's name.
func byName(d *state.Directory, connection *directory.Connection, id *identity) (*directory.User, bool) {
	for _, name := range id.usernames {
		key := directory.Fold(name)
		if key == "" || key == d.Organization().RootEmail || (key == directory.Fold(id.email) && id.emailDenied) ||
			elsewhere(d, connection, name) {
			continue
		}
		user, ok := d.UserByName(key)
		// Folding is for letter case. Names beyond ASCII must be the same, or "ſ" would pass for "s".
		if ok && user.Source == directory.SourceSCIM && (directory.IsASCII(name) && directory.IsASCII(user.UserName) || name == user.UserName) {
			return user, true
		}
	}
	return nil, false
}

// byEmail matches an address that the provider stands for, in a domain of this organization that the connection is for: as
// userName, or as the address of one user only.
func byEmail(d *state.Directory, connection *directory.Connection, id *identity) (*directory.User, bool) {
	address := directory.Fold(strings.TrimSpace(id.email))
	if !id.emailVouched || address == d.Organization().RootEmail || !d.Vouches(connection, emailDomain(id.email)) {
		return nil, false
	}
	if user, ok := d.UserByName(address); ok && claimable(user) {
		return user, true
	}
	return only(d.UsersByEmail(address), claimable)
}

// claimable tells whether an identity may become the user's by a matching name or address at all: anybody but the root
// user, who signs in by other means.
func claimable(user *directory.User) bool {
	switch user.Source {
	case directory.SourceSCIM, directory.SourceInvited, directory.SourceJIT:
		return true
	default:
		return false
	}
}

// linkedThrough tells whether the user has an identity on this connection already. Then a matching name is not enough for a
// second one: the first may belong to a predecessor.
func linkedThrough(d *state.Directory, connection *directory.Connection, user *directory.User) bool {
	for link := range d.LinksOf(user.ID) {
		if link.Connection == connection.ID {
			return true
		}
	}
	return false
}

// linked tells whether the user has an identity already, on whichever connection. Then a matching address is not enough for a
// second one: what one provider proved, another one does not take over by e-mail.
func linked(d *state.Directory, user *directory.User) bool {
	for range d.LinksOf(user.ID) {
		return true
	}
	return false
}

// only gives the one user of the sequence that passes, and nobody where several do.
func only(users iter.Seq[*directory.User], pass func(*directory.User) bool) (*directory.User, bool) {
	var found *directory.User
	for user := range users {
		if !pass(user) {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = user
	}
	return found, found != nil
}
