package console

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// UserQuery asks for one page of an organization's users.
type UserQuery struct {
	Source directory.Source // 0: any
	Active *bool            // nil: both
	Prefix string           // of the userName, any letter case; with one, users come by userName, else by source and age
	Paging
}

// UserPage is one page of users.
type UserPage struct {
	Users         []*directory.User
	NextPageToken string // "" on the last page
}

// ListUsers gives one page of users of every source. Users made, renamed or deleted between two pages may be missing or,
// renamed, come twice. Errors: KindInvalid, KindNotFound.
func (s *Service) ListUsers(ctx context.Context, org directory.OrganizationID, q UserQuery) (UserPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return UserPage{}, err
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return UserPage{}, err
	}
	rows, place, err := q.walk(d, after)
	if err != nil {
		return UserPage{}, err
	}
	var page UserPage
	page.Users, page.NextPageToken = take(where(rows, q.wants), size, place)
	return page, nil
}

func (q *UserQuery) wants(u *directory.User) bool {
	return (q.Source == 0 || u.Source == q.Source) && (q.Active == nil || u.Active == *q.Active)
}

// walk gives the users after a place in the order that the query asks for, and how a place in that order is written.
func (q *UserQuery) walk(d *state.Directory, after string) (iter.Seq[*directory.User], func(*directory.User) string, error) {
	if q.Prefix != "" {
		rows := where(d.UsersByNamePrefix(directory.Fold(q.Prefix)), func(u *directory.User) bool { return u.UserNameKey > after })
		return rows, func(u *directory.User) string { return u.UserNameKey }, nil
	}
	source, number := uint64(directory.SourceSCIM), uint32(0)
	if after != "" {
		var ok bool
		source, number, ok = parsePair(after)
		if !ok || source > uint64(directory.SourceJIT) || !directory.Source(source).Valid() {
			return nil, nil, badPageToken()
		}
	}
	place := func(u *directory.User) string { return pair(uint64(u.Source), uint32(u.Number)) }
	return usersAfter(d, directory.Source(source), directory.Number(number)), place, nil
}

// usersAfter iterates over the users by source and age, after a place.
func usersAfter(d *state.Directory, source directory.Source, number directory.Number) iter.Seq[*directory.User] {
	return func(yield func(*directory.User) bool) {
		for ; source.Valid(); source, number = source+1, 0 {
			for u := range d.UsersAfter(source, number) {
				if !yield(u) {
					return
				}
			}
		}
	}
}

// User is one user with the groups that it is, or was, a direct member of.
type User struct {
	*directory.User
	Groups  []*directory.Group
	Deleted *directory.DeletedUser // nil: it is there
}

// GetUser finds a user, also one that was deleted and may be restored. Errors: KindNotFound.
func (s *Service) GetUser(ctx context.Context, org directory.OrganizationID, id directory.ResourceID) (User, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return User{}, err
	}
	if u, ok := d.User(id); ok {
		var groups []*directory.Group
		for number := range d.GroupsOf(u.Number) {
			if g, ok := d.GroupByNumber(number); ok {
				groups = append(groups, g)
			}
		}
		return User{User: u, Groups: groups}, nil
	}
	if deleted, ok := d.DeletedUser(id); ok {
		return deletedUser(d, deleted), nil
	}
	return User{}, noUser(id)
}

// NewUser is who is invited by hand.
type NewUser struct {
	Email       string // becomes the userName
	DisplayName string // may be empty
}

// InviteUser makes a user by hand, who may sign in and whom the organization's IdP does not see. Errors: KindInvalid with
// the field, KindNotFound, KindConflict when the address is somebody's userName.
func (s *Service) InviteUser(ctx context.Context, actor string, org directory.OrganizationID, in NewUser) (*directory.User, error) {
	in.Email, in.DisplayName = strings.TrimSpace(in.Email), strings.TrimSpace(in.DisplayName)
	if err := in.validate(); err != nil {
		return nil, err
	}
	fields := in.fields()
	id := directory.ResourceID(s.deps.NewID())
	result, err := s.proposeNoted(ctx, actor, org, directory.SyncPost, &command.CreateUser{
		ID: id, Source: directory.SourceInvited, UserFields: fields,
	})
	if err != nil {
		return nil, err
	}
	return &directory.User{
		ID: id, Source: directory.SourceInvited, Active: fields.Active, UserName: fields.UserName, UserNameKey: fields.UserNameKey,
		DisplayName: fields.DisplayName, Emails: fields.Emails, Attributes: fields.Attributes,
		Created: result.Created, Modified: result.Modified, Version: result.Version,
	}, nil
}

func (in *NewUser) validate() error {
	if directory.EmailDomain(in.Email) == "" || len(in.Email) > maxAddress {
		return directory.Errorf(directory.KindInvalid, "email", "%q is not an e-mail address", directory.Cut(in.Email, maxAddress))
	}
	if len(in.DisplayName) > maxDisplayName {
		return directory.Errorf(directory.KindInvalid, "display_name", "display_name must have at most %d characters", maxDisplayName)
	}
	return validateText("display_name", in.DisplayName)
}

const maxDisplayName = 200

// fields gives the user as the IdP's door keeps users, so that it may be handed over to the IdP later.
func (in *NewUser) fields() command.UserFields {
	person := directory.Person{UserName: in.Email, DisplayName: in.DisplayName, Email: in.Email}
	key := directory.Fold(in.Email)
	return command.UserFields{
		Active: true, UserName: in.Email, UserNameKey: key, DisplayName: cmp.Or(in.DisplayName, in.Email),
		Emails: []string{key}, Attributes: person.Document(),
	}
}

// DeleteUser removes a user that was made by hand; it may be restored as long as the organization's policy says, unless it
// is erased at once. Errors: KindNotFound, and KindConflict for users that others own: the IdP's and the root user.
func (s *Service) DeleteUser(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ResourceID, erase bool,
) error {
	method := directory.SyncDelete
	if erase {
		method = directory.SyncErase
	}
	return untilFresh(func() error {
		d, err := s.directoryOf(ctx, org)
		if err != nil {
			return err
		}
		u, ok := d.User(id)
		switch {
		case !ok:
			return noUser(id)
		case u.Source == directory.SourceRoot:
			return directory.Errorf(directory.KindConflict, "", "the root user cannot be deleted")
		case u.Source == directory.SourceSCIM:
			return directory.Errorf(directory.KindConflict, "",
				"the organization's identity provider provisions this user: delete it there, or convert it to an invited user first")
		}
		_, err = s.proposeNoted(ctx, actor, org, method, &command.DeleteUser{ID: id, ExpectVersion: u.Version, Erase: erase})
		return err
	})
}

func noUser(id directory.ResourceID) error {
	return directory.Errorf(directory.KindNotFound, "", "there is no user %q", id)
}
