package console

import (
	"context"
	"strconv"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// ConvertUsers hands users over to the organization's IdP (to is SourceSCIM) or takes them from it (SourceInvited), all or
// none, and gives how many were of another source before. Errors: KindInvalid when one is unknown or the root user,
// KindTooLarge over directory.MaxConvert, KindNotFound without the organization.
func (s *Service) ConvertUsers(
	ctx context.Context, actor string, org directory.OrganizationID, ids []directory.ResourceID, to directory.Source,
) (converted int, err error) {
	if len(ids) == 0 {
		return 0, directory.Errorf(directory.KindInvalid, "ids", "say which users: ids is empty")
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return 0, err
	}
	counted := make(map[directory.ResourceID]bool, len(ids))
	for _, id := range ids {
		if u, ok := d.User(id); ok && u.Source != to && !counted[id] {
			counted[id] = true
		}
	}
	_, err = s.proposeNoted(ctx, actor, org, directory.SyncConvert, &command.ConvertUsers{IDs: ids, To: to})
	return len(counted), err
}

// RenamePlan is what calling every user by the primary e-mail address would do, or did.
type RenamePlan struct {
	Renames    []directory.Rename
	Collisions []directory.RenameCollision
}

// PlanRename tells what RenameUsers would do now. Nothing is written. Errors: KindNotFound.
func (s *Service) PlanRename(ctx context.Context, org directory.OrganizationID) (RenamePlan, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return RenamePlan{}, err
	}
	renames, collisions := d.RenamePlan()
	return RenamePlan{renames, collisions}, nil
}

// RenameUsers calls every user but the root user by the primary e-mail address, all or none, and gives what was planned the
// moment before. Errors: KindConflict when names collide, KindNotFound.
func (s *Service) RenameUsers(ctx context.Context, actor string, org directory.OrganizationID) (RenamePlan, error) {
	plan, err := s.PlanRename(ctx, org)
	if err != nil {
		return RenamePlan{}, err
	}
	_, err = s.proposeNoted(ctx, actor, org, directory.SyncRename, &command.RenameUsers{})
	return plan, err
}

// DeletedUserPage is one page of users that may be restored, the last deleted first.
type DeletedUserPage struct {
	Users         []User
	NextPageToken string // "" on the last page
}

// ListDeletedUsers gives one page. Errors: KindInvalid, KindNotFound.
func (s *Service) ListDeletedUsers(ctx context.Context, org directory.OrganizationID, p Paging) (DeletedUserPage, error) {
	size, after, err := p.bounds()
	if err != nil {
		return DeletedUserPage{}, err
	}
	before := ^uint64(0)
	if after != "" {
		if before, err = strconv.ParseUint(after, 10, 64); err != nil {
			return DeletedUserPage{}, badPageToken()
		}
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return DeletedUserPage{}, err
	}
	rest := where(d.DeletedUsers(), func(u *directory.DeletedUser) bool { return u.Seq < before })
	rows, next := take(rest, size, func(u *directory.DeletedUser) string { return strconv.FormatUint(u.Seq, 10) })
	page := DeletedUserPage{NextPageToken: next}
	for _, row := range rows {
		page.Users = append(page.Users, deletedUser(d, row))
	}
	return page, nil
}

// deletedUser gives a deleted user with those of its groups that are still there.
func deletedUser(d *state.Directory, deleted *directory.DeletedUser) User {
	u := User{User: deleted.User, Deleted: deleted}
	for _, number := range deleted.Groups {
		if g, ok := d.GroupByNumber(number); ok {
			u.Groups = append(u.Groups, g)
		}
	}
	return u
}

// RestoreUser brings a deleted user back as it was, with its memberships in groups that are still there. Errors:
// KindNotFound, KindConflict when the userName is somebody else's by now.
func (s *Service) RestoreUser(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ResourceID,
) (User, error) {
	if _, err := s.proposeNoted(ctx, actor, org, directory.SyncRestore, &command.RestoreUser{ID: id}); err != nil {
		return User{}, err
	}
	return s.GetUser(ctx, org, id)
}

// EraseUser removes a deleted user for good. Errors: KindNotFound.
func (s *Service) EraseUser(ctx context.Context, actor string, org directory.OrganizationID, id directory.ResourceID) error {
	_, err := s.proposeNoted(ctx, actor, org, directory.SyncErase, &command.EraseUser{ID: id})
	return err
}
