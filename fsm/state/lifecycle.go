package state

import "domicile/directory"

// RenamePlan tells what calling every user by the primary e-mail address would do: who gets which name, and who cannot
// because somebody keeps that name or got it before, in the order of AllUsers. The command RenameUsers does it where
// nothing collides.
func (d *Directory) RenamePlan() (renames []directory.Rename, collisions []directory.RenameCollision) {
	claims := make(map[string]*directory.User)
	for user := range d.AllUsers() {
		to, moves := user.RenameTarget()
		if !moves {
			continue
		}
		with, claimed := claims[to]
		if !claimed {
			with = d.keeper(to)
		}
		if with != nil {
			collisions = append(collisions, directory.RenameCollision{Address: to, User: user, With: with})
			continue
		}
		claims[to] = user
		renames = append(renames, directory.Rename{User: user, To: to})
	}
	return renames, collisions
}

// keeper finds who has a name and would keep it, or nil.
func (d *Directory) keeper(name string) *directory.User {
	holder, ok := d.UserByName(name)
	if !ok {
		return nil
	}
	if _, moves := holder.RenameTarget(); moves {
		return nil
	}
	return holder
}

// RenameUsers replaces users by others that differ in their names only, all at once, so that one may get the name that
// another one had.
func (d *Directory) RenameUsers(old, next []*directory.User) {
	for _, user := range old {
		d.usersName.Delete(user)
	}
	for i, user := range next {
		d.addUser(old[i], user)
	}
}
