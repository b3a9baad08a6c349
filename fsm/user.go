package fsm

import (
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func createUser(tx *transaction, p *command.CreateUser) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if !p.Source.Valid() || p.Source == directory.SourceJIT && tx.state.Level() < command.SecondLevel {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "source", "there is no source %d", p.Source)
	}
	if d.Taken(p.ID) {
		return command.Result{}, directory.Errorf(directory.KindConflict, "id", "id %s is taken", p.ID)
	}
	if refusal := userNameFree(d, &p.UserFields, p.ID); refusal != nil {
		return command.Result{}, refusal
	}
	user := userRecord(tx, &p.UserFields)
	user.ID, user.Source, user.Number, user.Created = p.ID, p.Source, d.NextNumber(), tx.now
	d.PutUser(nil, user)
	tx.subject = userSubject(user)
	if user.Source == directory.SourceInvited && tx.state.Level() >= command.SecondLevel {
		tx.errand(directory.Errand{Kind: directory.ErrandSetup, Subject: user.UserNameKey})
	}
	return tx.changed(tx.now), nil
}

func replaceUser(tx *transaction, p *command.ReplaceUser) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	old, ok := d.User(p.ID)
	if !ok {
		return command.Result{}, noUser(p.ID)
	}
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := userNameFree(d, &p.UserFields, p.ID); refusal != nil {
		return command.Result{}, refusal
	}
	next := userRecord(tx, &p.UserFields)
	// The id is taken from p, because old.ID would keep the bytes of the whole old record alive.
	next.ID, next.Source, next.Number, next.Created = p.ID, old.Source, old.Number, old.Created
	if sameUser(old, next) {
		tx.subject = userSubject(old)
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	d.PutUser(old, next)
	tx.forgetName(d, old)
	tx.subject = userSubject(next)
	if old.Active && !next.Active {
		tx.state.DeleteSessionsOf(d, old.Number)
	}
	return tx.changed(old.Created), nil
}

func deleteUser(tx *transaction, p *command.DeleteUser) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	user, ok := d.User(p.ID)
	if !ok {
		return command.Result{}, noUser(p.ID)
	}
	if refusal := stale(p.ExpectVersion, user.Version); refusal != nil {
		return command.Result{}, refusal
	}
	groups := slices.Collect(d.GroupsOf(user.Number))
	if user.Source == directory.SourceRoot && tx.state.Level() >= command.SecondLevel {
		return command.Result{}, directory.Errorf(directory.KindForbidden, "", "the root user cannot be deleted")
	}
	touchGroupsOf(tx, d, user.Number)
	tx.state.DeleteUser(d, user)
	tx.forgetName(d, user)
	if p.Erase {
		d.ForgetSignIns(user.ID)
	} else {
		keepDeleted(tx, d, user, groups)
	}
	tx.subject = userSubject(user).bare()
	return tx.changed(user.Created), nil
}

// touchGroupsOf gives every group that holds a member a new version, because it loses that member, or shows it to others.
func touchGroupsOf(tx *transaction, d *state.Directory, member directory.Number) {
	for _, number := range slices.Collect(d.GroupsOf(member)) {
		if group, ok := d.GroupByNumber(number); ok {
			touchGroup(tx, d, group)
		}
	}
}

func userNameFree(d *state.Directory, f *command.UserFields, id directory.ResourceID) *directory.Error {
	if holder, taken := d.UserByName(f.UserNameKey); taken && holder.ID != id {
		return directory.Errorf(directory.KindConflict, "userName", "userName %q is taken by user %s", f.UserName, holder.ID)
	}
	return nil
}

func userRecord(tx *transaction, f *command.UserFields) *directory.User {
	return &directory.User{
		Active: f.Active, UserName: f.UserName, UserNameKey: f.UserNameKey, ExternalID: f.ExternalID,
		DisplayName: f.DisplayName, Emails: f.Emails, Attributes: f.Attributes, Modified: tx.now, Version: tx.seq,
	}
}

func sameUser(a, b *directory.User) bool {
	return a.Active == b.Active && a.UserName == b.UserName && a.UserNameKey == b.UserNameKey &&
		a.ExternalID == b.ExternalID && a.DisplayName == b.DisplayName && a.Attributes == b.Attributes &&
		slices.Equal(a.Emails, b.Emails)
}

func noUser(id directory.ResourceID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no user %q", id)
}
