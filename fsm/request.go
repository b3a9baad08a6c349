package fsm

import (
	"bytes"
	"errors"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func putRequest(tx *transaction, p *command.PutRequest) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := asRefusal(p.RequestChoices.Fits()); refusal != nil {
		return command.Result{}, refusal
	}
	next := &directory.ConnectionRequest{ID: p.ID, Organization: tx.organization, Created: tx.now}
	if refusal := requestBefore(d, p, next); refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := connectionFree(tx, d, p); refusal != nil {
		return command.Result{}, refusal
	}
	next.Connection, next.RequestChoices = p.Connection, p.RequestChoices
	next.State, next.Author, next.Modified, next.Version = directory.RequestDraft, tx.actor, tx.now, tx.seq
	if old, had := d.Request(p.ID); had && old.State != directory.RequestDraft {
		tx.errand(directory.Errand{Kind: directory.ErrandRequest, Subject: string(p.ID), Detail: next.State.String()})
	}
	d.PutRequest(next)
	return tx.changed(next.Created), nil
}

// connectionFree checks that a request may be for its connection: one of the organization's or a new one, for which no
// other request is under way.
func connectionFree(tx *transaction, d *state.Directory, p *command.PutRequest) *directory.Error {
	if p.Connection == "" {
		return directory.Errorf(directory.KindInvalid, "connection", "a connection request is for a connection")
	}
	if _, refusal := connectionBefore(tx, p.Connection); refusal != nil {
		return refusal
	}
	for other := range d.Requests() {
		if other.ID != p.ID && other.Connection == p.Connection && other.State.Editable() {
			return directory.Errorf(directory.KindConflict, "connection",
				"request %s for this connection is under way; change that one", other.ID)
		}
	}
	return nil
}

// requestBefore checks that a request may be made or changed, and gives next what a changed one keeps.
func requestBefore(d *state.Directory, p *command.PutRequest, next *directory.ConnectionRequest) *directory.Error {
	old, had := d.Request(p.ID)
	switch {
	case !had && p.ExpectVersion != 0:
		return noRequest(p.ID)
	case !had && p.ID == "":
		return directory.Errorf(directory.KindInvalid, "id", "a connection request needs an id")
	case !had && d.RequestCount() >= directory.MaxRequests:
		return directory.Errorf(directory.KindTooLarge, "",
			"an organization has at most %d connection requests; delete one first", directory.MaxRequests)
	case !had:
		return nil
	case p.ExpectVersion == 0:
		return directory.Errorf(directory.KindConflict, "id", "request %s exists", p.ID)
	case p.ExpectVersion != old.Version:
		return stale(p.ExpectVersion, old.Version)
	case !old.State.Editable():
		return directory.Errorf(directory.KindConflict, "state", "the request is %s and cannot be changed; make a new one", old.State)
	}
	// Texts of its own: the old record's share memory with what goes.
	next.Note, next.Reviewer = strings.Clone(old.Note), strings.Clone(old.Reviewer)
	next.Created = old.Created
	return nil
}

func stepRequest(tx *transaction, p *command.StepRequest) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	old, ok := d.Request(p.ID)
	if !ok {
		return command.Result{}, noRequest(p.ID)
	}
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	if !old.State.May(p.To) {
		return command.Result{}, directory.Errorf(directory.KindConflict, "state", "the request is %s and cannot become %s", old.State, p.To)
	}
	if len(p.Note) > directory.MaxNote {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "note", "a note has at most %d bytes", directory.MaxNote)
	}
	next := *old
	next.State, next.Modified, next.Version = p.To, tx.now, tx.seq
	if p.To == directory.RequestReturned || p.To == directory.RequestApproved {
		next.Reviewer, next.Note = tx.actor, p.Note
	}
	switch p.To {
	case directory.RequestActive:
		put := activate
		if old.State == directory.RequestDisabled && !superseded(d, old) {
			put = enable
		}
		if refusal := put(tx, d, &next); refusal != nil {
			return command.Result{}, refusal
		}
	case directory.RequestDisabled:
		disable(tx, d, next.Connection)
	}
	d.PutRequest(&next)
	tx.errand(directory.Errand{
		Kind: directory.ErrandRequest, Subject: string(p.ID), Detail: p.To.String(),
	})
	return tx.changed(old.Created), nil
}

// activate puts a request in force. The connection's secret is the connection's own from then on, so that the request can be
// activated again later without bringing back an older one.
func activate(tx *transaction, d *state.Directory, request *directory.ConnectionRequest) *directory.Error {
	old, refusal := connectionBefore(tx, request.Connection)
	if refusal != nil {
		return refusal
	}
	next := request.Registration()
	next.ID, next.Enabled = request.Connection, true
	if refusal := registrationFree(tx, d, next); refusal != nil {
		return refusal
	}
	if old != nil && old.SameProof(next) {
		rotate(old, next)
	}
	if next.AuthMethod.NeedsSecret() && len(next.ClientSecret) == 0 {
		return directory.Errorf(directory.KindInvalid, "client_secret", "a connection with %s needs a client secret", next.AuthMethod)
	}
	writeConnection(tx, d, old, next)
	supersede(tx, d, request.Connection)
	org := *d.Organization()
	org.BreakGlass, org.Phone = request.BreakGlass, request.Phone
	if old := d.Organization(); !sameOrganization(old, &org) {
		org.Modified, org.Version = tx.now, tx.seq
		writeOrganization(tx, old, &org)
	}
	request.ClientSecret, request.SecretExpires = nil, 0
	return nil
}

// rotate gives next what it keeps of a connection that lets itself in by the same means: where it brings no secret, the secret
// and its end, or the end of a certificate; and otherwise the secret before, for as long as the provider takes either.
func rotate(old, next *directory.Connection) {
	switch {
	case len(next.ClientSecret) == 0:
		next.ClientSecret, next.PreviousSecret = old.ClientSecret, old.PreviousSecret
		if next.SecretExpires == 0 {
			next.SecretExpires = old.SecretExpires
		}
	case !bytes.Equal(old.ClientSecret, next.ClientSecret):
		next.PreviousSecret = old.ClientSecret
	}
}

// superseded tells whether something else is in force for a request's connection, or nothing is left to be turned on.
func superseded(d *state.Directory, request *directory.ConnectionRequest) bool {
	for other := range d.Requests() {
		if other.Connection == request.Connection && other.State == directory.RequestActive {
			return true
		}
	}
	_, ok := d.Connection(request.Connection)
	return !ok
}

// enable turns a request's connection on again, as it is by now.
func enable(tx *transaction, d *state.Directory, request *directory.ConnectionRequest) *directory.Error {
	old, _ := d.Connection(request.Connection)
	next := *old
	next.Enabled = true
	if refusal := domainsFree(d, &next); refusal != nil {
		return refusal
	}
	writeConnection(tx, d, old, &next)
	return nil
}

// disable turns a connection off, if it is there and on.
func disable(tx *transaction, d *state.Directory, id directory.ConnectionID) {
	old, ok := d.Connection(id)
	if !ok || !old.Enabled {
		return
	}
	next := *old
	next.Enabled = false
	writeConnection(tx, d, old, &next)
}

// supersede notes that what was in force for a connection is so no more.
func supersede(tx *transaction, d *state.Directory, id directory.ConnectionID) {
	var inForce []*directory.ConnectionRequest
	for request := range d.Requests() {
		if request.Connection == id && request.State == directory.RequestActive {
			inForce = append(inForce, request)
		}
	}
	for _, old := range inForce {
		next := *old
		next.State, next.Modified, next.Version = directory.RequestDisabled, tx.now, tx.seq
		d.PutRequest(&next)
	}
}

func deleteRequest(tx *transaction, p *command.DeleteRequest) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	request, ok := d.Request(p.ID)
	if !ok {
		return command.Result{}, noRequest(p.ID)
	}
	if request.State == directory.RequestActive {
		return command.Result{}, directory.Errorf(directory.KindConflict, "state", "the request is in force; disable it first")
	}
	d.DeleteRequest(request)
	return tx.changed(request.Created), nil
}

func noRequest(id directory.ConnectionRequestID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no connection request %q", id)
}

// asRefusal gives the refusal that a rule of package directory returned as an error; nil for none.
func asRefusal(err error) *directory.Error {
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*directory.Error](err); ok {
		return refusal
	}
	return directory.Errorf(directory.KindInvalid, "", "%v", err)
}
