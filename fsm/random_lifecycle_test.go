package fsm

import (
	"domicile/directory"
	"domicile/fsm/command"
)

// lifecycle makes a command of large changes, the sync log and the tools for users.
func (w *world) lifecycle(org directory.OrganizationID) command.Payload {
	user, _ := w.aim(org, w.resource(), w.group())
	switch n := w.IntN(20); {
	case n < 5:
		return &command.StageMembers{Change: w.change(), Add: w.resources(org), Remove: w.resources(org)}
	case n < 8:
		return &command.AppendSyncLog{Rows: w.syncRows()}
	case n < 10:
		return &command.MarkNotified{Failures: uint64(w.IntN(20))}
	case n < 14:
		return &command.RestoreUser{ID: w.deleted(org)}
	case n < 16:
		return &command.EraseUser{ID: w.deleted(org)}
	case n < 19:
		return &command.ConvertUsers{IDs: append(w.resources(org), user), To: directory.Source(1 + w.IntN(20)/9)}
	default:
		return &command.RenameUsers{}
	}
}

// change gives the id of a staged change, sometimes none.
func (w *world) change() directory.ChangeID { return directory.ChangeID{15: byte(w.IntN(4))} }

// staged gives a staged change that is there, sometimes none or another.
func (w *world) staged(org directory.OrganizationID) directory.ChangeID {
	change := w.change()
	if d, ok := w.view.Directory(org); ok {
		if _, ok := d.Staged(change); ok || w.IntN(20) == 0 {
			return change
		}
	}
	return directory.ChangeID{}
}

// deleted gives the id of a deleted user where there is one.
func (w *world) deleted(org directory.OrganizationID) directory.ResourceID {
	id := w.resource()
	if d, ok := w.view.Directory(org); ok {
		for found := range d.DeletedUsers() {
			id = found.User.ID
			if w.IntN(2) == 0 {
				break
			}
		}
	}
	return id
}

func (w *world) note() *directory.SyncNote {
	if w.IntN(3) > 0 {
		return nil
	}
	note := &directory.SyncNote{Method: directory.SyncMethod(w.IntN(10)), Request: w.name("request", 99), Client: w.name("idp/", 3)}
	if w.IntN(2) == 0 {
		note.Operations, note.Changes, note.Courtesies = w.name("add members ", 9), []string{"members"}, []string{"path", "value"}
	}
	return note
}

func (w *world) syncRows() []directory.SyncRow {
	var rows []directory.SyncRow
	for range w.IntN(4) {
		row := directory.SyncRow{
			At: w.now - directory.Time(w.IntN(5_000_000)), Resource: "User", ID: w.resource(), Name: w.name("User", 9),
			Status: 200 + 100*w.IntN(4), Detail: w.name("detail ", 9), ScimType: "invalidValue", Document: w.name(`{"n":`, 9) + "}",
		}
		if w.IntN(4) == 0 {
			row.At, row.Actor = row.At+20_000_000, w.name("token:", 4)
		}
		if note := w.note(); note != nil {
			row.SyncNote = *note
		}
		rows = append(rows, row)
	}
	return rows
}
