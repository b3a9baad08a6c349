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
func (t *types) userFields(o schema.Object) (command.UserFields, error) {
	document, err := t.encode(Users, o)
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

// createUser needs no view but for what it refuses: the ledger decides whether the name is free.
func (r *request) createUser(ctx context.Context, id directory.ResourceID, q *Query) (Response, error) {
	t, o, err := r.readUser(ctx)
	if err != nil {
		return Response{}, err
	}
	if _, said := schema.Active(o); !said {
		o["active"] = true
	}
	fields, err := t.userFields(o)
	if err != nil {
		return Response{}, err
	}
	r.name = fields.UserName
	result, err := r.propose(ctx, &command.CreateUser{ID: id, Source: directory.SourceSCIM, UserFields: fields})
	if directory.KindOf(err) == directory.KindConflict {
		return r.restoreUser(ctx, fields, q, err)
	}
	if err != nil {
		return Response{}, err
	}
	v := view{r.Base(r.Organization), t, nil}
	made := record{kind: Users, source: directory.SourceSCIM, id: id}.written(fields.Attributes, result)
	return r.show(&v, &made, t.shows(q), statusCreated)
}

// readUser reads the body of a new user by the schemas that this node knows. What names another one costs a confirmed view,
// because it may have been defined on another node a moment ago, and what is not known is not kept.
func (r *request) readUser(ctx context.Context) (*types, schema.Object, error) {
	t := r.Actor.types
	if t == nil {
		v, err := r.look(ctx, state.Local())
		if err != nil {
			return nil, nil, err
		}
		t = v.types
	}
	o, courtesies, err := r.body.resource(t.of[Users], r.dialect)
	if namesSchema(courtesies, err) {
		v, viewErr := r.look(ctx, state.Confirmed())
		if viewErr != nil {
			return nil, nil, viewErr
		}
		if v.types != t {
			t = v.types
			o, courtesies, err = r.body.resource(t.of[Users], r.dialect)
		}
	}
	r.courtesies = courtesies
	return t, o, err
}

// namesSchema tells whether a body named a schema that is not known.
func namesSchema(courtesies []schema.Courtesy, err error) bool {
	if bad, ok := err.(*schema.Error); ok {
		return bad.Path == "schemas"
	}
	return slices.ContainsFunc(courtesies, func(c schema.Courtesy) bool {
		const urn = "urn:"
		return len(c.Path) > len(urn) && strings.EqualFold(c.Path[:len(urn)], urn)
	})
}

// restoreUser answers a create whose userName is taken. An inactive user with the same externalId is the same person
// coming back, where the dialect says so; anybody else is a conflict.
func (r *request) restoreUser(ctx context.Context, fields command.UserFields, q *Query, refusal error) (Response, error) {
	v, err := r.look(ctx, state.Confirmed())
	if err != nil {
		return Response{}, err
	}
	holder, ok := v.UserByName(fields.UserNameKey)
	if !ok || holder.Source != directory.SourceSCIM || holder.Active || fields.ExternalID == "" ||
		holder.ExternalID != fields.ExternalID || !r.tolerate(schema.RestoreInactive, "userName") {
		return Response{}, taken(v.Directory, Users, "userName", fields.UserName, refusal)
	}
	result, err := r.propose(ctx, &command.ReplaceUser{ID: holder.ID, ExpectVersion: holder.Version, UserFields: fields})
	if kind := directory.KindOf(err); kind == directory.KindStale || kind == directory.KindNotFound {
		return Response{}, directory.Unavailable(0, err, "another write to this user came first")
	}
	if err != nil {
		return Response{}, taken(v.Directory, Users, "userName", fields.UserName, err)
	}
	restored := userRecord(holder).written(fields.Attributes, result)
	return r.show(&v, &restored, v.types.shows(q), statusCreated)
}

// putUser makes o the user's document, if it is not already. A status has no "absent": what o leaves out stays.
func (r *request) putUser(ctx context.Context, v *view, current record, o schema.Object, s shown) (Response, error) {
	if _, said := schema.Active(o); !said {
		o["active"] = current.user.Active
	}
	fields, err := v.types.userFields(o)
	if err != nil {
		return Response{}, err
	}
	if fields.Attributes == current.attributes {
		response, err := r.show(v, &current, s, statusOK)
		response.NoOp = true
		return response, err
	}
	if r.note.Changes, err = changes(v.types.of[Users], current, o); err != nil {
		return Response{}, err
	}
	result, err := r.propose(ctx, &command.ReplaceUser{ID: current.id, ExpectVersion: current.version, UserFields: fields})
	if err != nil {
		return Response{}, taken(v.Directory, Users, "userName", fields.UserName, err)
	}
	current = current.written(fields.Attributes, result)
	return r.show(v, &current, s, statusOK)
}
