package oidc

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	maxDisplayName = 200
	admissions     = 3 // tries to find or make a user, where others make the same one at the same time
)

// admission is whom an identity is, in the organization as it is now.
type admission struct {
	user   *directory.User
	policy directory.SignInPolicy
	level  uint64 // of the ledger
}

// admit finds the user behind an identity, or makes one where the organization wants newcomers.
func (s *Service) admit(ctx context.Context, connection *directory.Connection, id *identity) (admission, *Refusal) {
	for range admissions {
		// Confirmed, so that a person who was provisioned a moment ago on another node is known here.
		view, err := s.deps.Viewer.View(ctx, state.Confirmed())
		if err != nil {
			return admission{}, refuse(ReasonUnavailable, err)
		}
		d, ok := view.Directory(connection.Organization)
		if !ok {
			return admission{}, refuse(ReasonConnectionChanged, nil)
		}
		found := admission{policy: d.Organization().SignIn, level: view.Level()}
		var refusal *Refusal
		found.user, refusal = whois(d, connection, id)
		if refusal == nil || refusal.Reason != ReasonNotProvisioned || !connection.JustInTime {
			return found, refusal
		}
		fields, refusal := newcomer(d, connection, id)
		if refusal != nil {
			return admission{}, refusal
		}
		found.user, err = s.createUser(ctx, connection, fields)
		switch directory.KindOf(err) {
		case 0:
			return found, nil
		case directory.KindConflict: // somebody was faster
		case directory.KindUnavailable, directory.KindExpired:
			return admission{}, refuse(ReasonUnavailable, err)
		default:
			return admission{}, refuse(ReasonInternal, err)
		}
	}
	return admission{}, refuse(ReasonNewcomerTaken, nil)
}

// newcomer gives the user that an unknown identity becomes. Its address must be one that the provider stands for, in a domain
// of the organization that the connection is for; the root user's and those of break glass are nobody's. Where anybody is, or was, known by the
// identity's id, name or address, the identity becomes nobody new: who was turned away does not come back by signing in.
func newcomer(d *state.Directory, connection *directory.Connection, id *identity) (command.UserFields, *Refusal) {
	org := d.Organization()
	address := strings.TrimSpace(id.email)
	if !id.emailVouched || !d.Vouches(connection, emailDomain(address)) {
		return command.UserFields{}, refuse(ReasonNewcomerEmail, nil)
	}
	keys := []string{directory.Fold(address)}
	for _, name := range id.usernames {
		keys = append(keys, directory.Fold(name))
	}
	for _, key := range keys {
		if org.Stands(key) != directory.StandingNone {
			return command.UserFields{}, refuse(ReasonNewcomerEmail, nil)
		}
	}
	if reason, user := resembled(d, id.external, keys); reason != "" {
		return command.UserFields{}, refuse(reason, nil).of(user)
	}
	person := directory.Person{
		UserName: id.userName(address), ExternalID: id.external, DisplayName: displayable(id.name), Email: address,
	}
	if len(person.ExternalID) > maxSubject {
		person.ExternalID = ""
	}
	return command.UserFields{
		Active: true, UserName: person.UserName, UserNameKey: directory.Fold(person.UserName), ExternalID: person.ExternalID,
		DisplayName: cmp.Or(person.DisplayName, person.UserName), Emails: keys[:1], Attributes: person.Document(),
	}, nil
}

// userName is the name that the provider prefers, unless it looks like another address than the one it stands for.
func (id *identity) userName(address string) string {
	if len(id.usernames) == 0 {
		return address
	}
	name := id.usernames[0]
	if len(name) > maxHint || strings.ContainsFunc(name, notInName) || strings.Contains(name, "@") {
		return address
	}
	return name
}

func notInName(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// displayable keeps what a page can show of a name.
func displayable(name string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	return directory.Cut(strings.TrimSpace(visible), maxDisplayName)
}

// resembled tells why nobody new may have this external id and these names and addresses, all folded, and who has or had them:
// empty if nobody has or had any.
func resembled(d *state.Directory, external string, keys []string) (Reason, directory.ResourceID) {
	var live []*directory.User
	if external != "" {
		live = slices.AppendSeq(live, d.UsersByExternalID(external))
	}
	for _, key := range keys {
		if user, ok := d.UserByName(key); ok {
			live = append(live, user)
		}
		live = slices.AppendSeq(live, d.UsersByEmail(key))
	}
	if i := slices.IndexFunc(live, func(u *directory.User) bool { return !u.Active }); i >= 0 {
		return ReasonInactive, live[i].ID
	}
	if len(live) > 0 {
		return ReasonNewcomerTaken, live[0].ID
	}
	for deleted := range d.DeletedUsers() {
		u := deleted.User
		if external != "" && u.ExternalID == external || slices.Contains(keys, u.UserNameKey) ||
			slices.ContainsFunc(u.Emails, func(address string) bool { return slices.Contains(keys, address) }) {
			return ReasonInactive, u.ID
		}
	}
	return "", ""
}

// createUser makes a newcomer, and gives the record.
func (s *Service) createUser(ctx context.Context, connection *directory.Connection, fields command.UserFields) (*directory.User, error) {
	id := directory.ResourceID(seal.NewID())
	result, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: connection.Organization, Actor: "connection:" + string(connection.ID),
		Payload: &command.CreateUser{ID: id, Source: directory.SourceJIT, UserFields: fields},
	})
	if err != nil {
		return nil, err
	}
	s.deps.Metrics.created.Inc()
	return &directory.User{
		ID: id, Source: directory.SourceJIT, Active: true, UserName: fields.UserName, UserNameKey: fields.UserNameKey,
		ExternalID: fields.ExternalID, DisplayName: fields.DisplayName, Emails: fields.Emails, Attributes: fields.Attributes,
		Created: result.Created, Modified: result.Modified, Version: result.Version,
	}, nil
}
