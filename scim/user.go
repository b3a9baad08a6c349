package scim

import (
	"context"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/schema"
)

// userFields is what the ledger keeps of a user.
func (e *Engine) userFields(o schema.Object) (command.UserFields, error) {
	document, err := e.encode(Users, o)
	if err != nil {
		return command.UserFields{}, err
	}
	active, _ := schema.Active(o)
	userName := schema.String(o, "userName")
	return command.UserFields{
		Active:      active,
		UserName:    userName,
		UserNameKey: directory.Fold(userName),
		ExternalID:  schema.String(o, "externalId"),
		DisplayName: displayName(o),
		Emails:      addresses(o),
		Attributes:  document,
	}, nil
}

// displayName is what to call a person: the first that is there of what the identity provider says.
func displayName(o schema.Object) string {
	full := strings.TrimSpace(schema.String(o, "name.givenName") + " " + schema.String(o, "name.familyName"))
	for _, name := range []string{schema.String(o, "displayName"), schema.String(o, "name.formatted"), full} {
		if name = strings.TrimSpace(name); name != "" {
			return name
		}
	}
	return schema.String(o, "userName")
}

// addresses are the folded e-mail addresses, each once, the primary one first.
func addresses(o schema.Object) []string {
	var folded []string
	for _, address := range schema.Emails(o) {
		if key := directory.Fold(address); !slices.Contains(folded, key) {
			folded = append(folded, key)
		}
	}
	return folded
}

func (e *Engine) createUser(ctx context.Context, a Actor, id directory.ResourceID, o schema.Object, s shown) (Response, error) {
	if _, said := schema.Active(o); !said {
		o["active"] = true
	}
	fields, err := e.userFields(o)
	if err != nil {
		return Response{}, err
	}
	result, err := e.propose(ctx, a, &command.CreateUser{ID: id, Source: directory.SourceSCIM, UserFields: fields})
	if directory.KindOf(err) == directory.KindConflict {
		return e.restoreUser(ctx, a, fields, s, err)
	}
	if err != nil {
		return Response{}, err
	}
	made := record{kind: Users, source: directory.SourceSCIM, id: id}.written(fields.Attributes, result)
	return e.show(&view{e.Base(a.Organization), nil}, &made, s, statusCreated)
}

// restoreUser answers a create whose userName is taken. An inactive user with the same externalId is the same person
// coming back, where the dialect says so; anybody else is a conflict.
func (e *Engine) restoreUser(ctx context.Context, a Actor, fields command.UserFields, s shown, refusal error) (Response, error) {
	d, err := e.directory(ctx, a, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	holder, ok := d.UserByName(fields.UserNameKey)
	if !ok || !e.dialect(a).RestoreInactive || holder.Source != directory.SourceSCIM ||
		holder.Active || fields.ExternalID == "" || holder.ExternalID != fields.ExternalID {
		return Response{}, taken(d, Users, "userName", fields.UserName, refusal)
	}
	result, err := e.propose(ctx, a, &command.ReplaceUser{ID: holder.ID, ExpectVersion: holder.Version, UserFields: fields})
	if kind := directory.KindOf(err); kind == directory.KindStale || kind == directory.KindNotFound {
		return Response{}, directory.Unavailable(0, err, "another write to this user came first")
	}
	if err != nil {
		return Response{}, taken(d, Users, "userName", fields.UserName, err)
	}
	restored := userRecord(holder).written(fields.Attributes, result)
	return e.show(&view{e.Base(a.Organization), d}, &restored, s, statusCreated)
}

// replaceUser is PUT. What is left out goes, but for the status, which has no "absent", and for externalId where the
// dialect keeps it.
func (e *Engine) replaceUser(ctx context.Context, a Actor, v *view, current record, o schema.Object, s shown) (Response, error) {
	if _, said := schema.Active(o); !said {
		o["active"] = current.user.Active
	}
	e.keepExternalID(a, o, current.user.ExternalID)
	return e.putUser(ctx, a, v, current, o, s)
}

func (e *Engine) keepExternalID(a Actor, o schema.Object, present string) {
	if _, said := o["externalId"]; !said && present != "" && e.dialect(a).KeepExternalID {
		o["externalId"] = present
	}
}

// putUser makes o the user's document, if it is not already.
func (e *Engine) putUser(ctx context.Context, a Actor, v *view, current record, o schema.Object, s shown) (Response, error) {
	fields, err := e.userFields(o)
	if err != nil {
		return Response{}, err
	}
	if fields.Attributes == current.attributes {
		response, err := e.show(v, &current, s, statusOK)
		response.NoOp = true
		return response, err
	}
	result, err := e.propose(ctx, a, &command.ReplaceUser{ID: current.id, ExpectVersion: current.version, UserFields: fields})
	if err != nil {
		return Response{}, taken(v.Directory, Users, "userName", fields.UserName, err)
	}
	current = current.written(fields.Attributes, result)
	return e.show(v, &current, s, statusOK)
}
