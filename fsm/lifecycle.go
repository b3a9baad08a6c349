package fsm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// keepDeleted keeps a user that was just deleted, with the groups that it was in, for as long as the organization's policy
// says.
func keepDeleted(tx *transaction, d *state.Directory, user *directory.User, groups []directory.Number) {
	deleted := &directory.DeletedUser{
		Organization: tx.organization, User: user, Groups: groups, Seq: tx.seq,
		Deleted: tx.now, Expires: tx.now + directory.DeletedLife, Actor: tx.actor,
	}
	if d.Organization().DeletePolicy == directory.PolicyDeactivate {
		deleted.Expires = 0
	}
	tx.state.PutDeleted(d, deleted)
}

func restoreUser(tx *transaction, p *command.RestoreUser) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	deleted, ok := d.DeletedUser(p.ID)
	if !ok {
		return command.Result{}, noDeletedUser(p.ID)
	}
	if holder, taken := d.UserByName(deleted.User.UserNameKey); taken {
		return command.Result{}, directory.Errorf(directory.KindConflict, "userName",
			"userName %q is taken by user %s; rename that user first", deleted.User.UserName, holder.ID)
	}
	user := *deleted.User
	user.Modified, user.Version = tx.now, tx.seq
	tx.state.DropDeleted(d, deleted)
	d.PutUser(nil, &user)
	for _, number := range deleted.Groups {
		if group, ok := d.GroupByNumber(number); ok {
			d.AddMember(number, user.Number)
			touchGroup(tx, d, group)
		}
	}
	tx.subject = userSubject(&user)
	return tx.changed(user.Created), nil
}

func eraseUser(tx *transaction, p *command.EraseUser) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	deleted, ok := d.DeletedUser(p.ID)
	if !ok {
		return command.Result{}, noDeletedUser(p.ID)
	}
	tx.state.EraseDeleted(d, deleted)
	tx.subject = userSubject(deleted.User).bare()
	return tx.changed(deleted.User.Created), nil
}

func noDeletedUser(id directory.ResourceID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no deleted user %q", id)
}

func convertUsers(tx *transaction, p *command.ConvertUsers) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if len(p.IDs) > directory.MaxConvert {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "ids", "at most %d users at a time", directory.MaxConvert)
	}
	if p.To != directory.SourceSCIM && p.To != directory.SourceInvited {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "to", "users cannot be converted to source %d", p.To)
	}
	for _, id := range p.IDs {
		user, ok := d.User(id)
		if !ok {
			return command.Result{}, directory.Errorf(directory.KindInvalid, "ids", "there is no user %q in this organization", id)
		}
		if user.Source == directory.SourceRoot {
			return command.Result{}, directory.Errorf(directory.KindInvalid, "ids", "user %q is the root user, which cannot be converted", id)
		}
	}
	tx.subject = subject{resource: "User"}
	converted := 0
	for _, id := range p.IDs {
		user, _ := d.User(id)
		if user.Source == p.To {
			continue
		}
		next := *user
		next.Source, next.Modified, next.Version = p.To, tx.now, tx.seq
		d.PutUser(user, &next)
		tx.forgetName(d, user)
		touchGroupsOf(tx, d, user.Number) // SCIM shows only members of its own
		converted++
	}
	if len(p.IDs) == 1 {
		user, _ := d.User(p.IDs[0])
		tx.subject = userSubject(user).bare()
	}
	if converted == 0 {
		return command.Result{}, nil
	}
	tx.about(strconv.Itoa(converted))
	return tx.changed(tx.now), nil
}

func renameUsers(tx *transaction, _ *command.RenameUsers) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	renames, collisions := d.RenamePlan()
	if len(collisions) > 0 {
		return command.Result{}, collide(collisions)
	}
	tx.subject = subject{resource: "User"}
	if len(renames) == 0 {
		return command.Result{}, nil
	}
	old, next := make([]*directory.User, len(renames)), make([]*directory.User, len(renames))
	for i, rename := range renames {
		old[i], next[i] = rename.User, renamed(tx, rename)
	}
	d.RenameUsers(old, next)
	for _, user := range old {
		tx.forgetName(d, user)
	}
	tx.about(strconv.Itoa(len(next)))
	return tx.changed(tx.now), nil
}

// renamed copies the texts, because those of the old record share memory with its document.
func renamed(tx *transaction, rename directory.Rename) *directory.User {
	user := *rename.User
	user.ID = directory.ResourceID(strings.Clone(string(user.ID)))
	user.UserName = strings.Clone(rename.To)
	user.UserNameKey = user.UserName
	user.ExternalID = strings.Clone(user.ExternalID)
	user.DisplayName = strings.Clone(user.DisplayName)
	user.Emails = slices.Clone(user.Emails)
	for i := range user.Emails {
		user.Emails[i] = strings.Clone(user.Emails[i])
	}
	user.Attributes, _ = directory.ReplaceUserName(user.Attributes, user.UserName)
	user.Modified, user.Version = tx.now, tx.seq
	return &user
}

// collide refuses a renaming; it names some of the collisions.
func collide(collisions []directory.RenameCollision) *directory.Error {
	const shown = 5
	var list []string
	for _, c := range collisions[:min(len(collisions), shown)] {
		list = append(list, fmt.Sprintf("%s (user %s, held by user %s)", c.Address, c.User.ID, c.With.ID))
	}
	text := strings.Join(list, ", ")
	if more := len(collisions) - len(list); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return directory.Errorf(directory.KindConflict, "userName", "%d names collide: %s", len(collisions), text)
}
