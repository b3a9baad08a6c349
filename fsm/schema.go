package fsm

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func putSchema(tx *transaction, p *command.PutSchema) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := schemaFits(p); refusal != nil {
		return command.Result{}, refusal
	}
	old, had := d.Schema(p.URN)
	if !had {
		if refusal := roomForSchema(d, p); refusal != nil {
			return command.Result{}, refusal
		}
		old = &directory.Schema{Resource: p.Resource, Created: tx.now}
	}
	if refusal := stale(p.ExpectVersion, old.Version); refusal != nil {
		return command.Result{}, refusal
	}
	if old.Resource != p.Resource {
		return command.Result{}, directory.Errorf(directory.KindConflict, "resource", "the schema is of resource %s, and stays so", old.Resource)
	}
	if had && old.Document == p.Document {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}, nil
	}
	d.PutSchema(&directory.Schema{
		URN: p.URN, Resource: p.Resource, Document: p.Document, Created: old.Created, Modified: tx.now, Version: tx.seq,
	})
	return tx.changed(old.Created), nil
}

// schemaFits keeps the bounds, and the form of URN that deleteSchema searches for.
func schemaFits(p *command.PutSchema) *directory.Error {
	switch {
	case !directory.IsURN(p.URN):
		return directory.Errorf(directory.KindInvalid, "id", "%q is not a URN", p.URN)
	case !directory.IsExtensible(p.Resource):
		return directory.Errorf(directory.KindInvalid, "resource", "there is no resource %q", p.Resource)
	case len(p.Document) > directory.MaxSchemaDocument:
		return directory.Errorf(directory.KindTooLarge, "", "a schema has at most %d bytes", directory.MaxSchemaDocument)
	}
	return nil
}

// roomForSchema checks what a new schema needs.
func roomForSchema(d *state.Directory, p *command.PutSchema) *directory.Error {
	if p.ExpectVersion != 0 {
		return noSchema(p.URN)
	}
	if d.SchemaCount() >= directory.MaxSchemas {
		return directory.Errorf(directory.KindTooLarge, "",
			"an organization has at most %d extension schemas; delete one first", directory.MaxSchemas)
	}
	for other := range d.Schemas() {
		if strings.EqualFold(other.URN, p.URN) {
			return directory.Errorf(directory.KindConflict, "id", "schema %s differs only in letter case", other.URN)
		}
	}
	return nil
}

func deleteSchema(tx *transaction, p *command.DeleteSchema) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	schema, ok := d.Schema(p.URN)
	if !ok {
		return command.Result{}, noSchema(p.URN)
	}
	if holder, held := holderOf(d, schema); held {
		return command.Result{}, directory.Errorf(directory.KindConflict, "",
			"the schema is in use: the %s %s holds values of it", strings.ToLower(schema.Resource), holder)
	}
	d.DeleteSchema(schema, tx.seq)
	return tx.changed(schema.Created), nil
}

// holderOf finds a user or group that holds values of a schema. Quotes inside of a text are escaped and the URN is not, so
// what is found is a member of the document.
func holderOf(d *state.Directory, schema *directory.Schema) (directory.ResourceID, bool) {
	member := `"` + schema.URN + `":{`
	if schema.Resource == "Group" {
		for group := range d.AllGroups() {
			if strings.Contains(group.Attributes, member) {
				return group.ID, true
			}
		}
		return "", false
	}
	for user := range d.AllUsers() {
		if strings.Contains(user.Attributes, member) {
			return user.ID, true
		}
	}
	return "", false
}

func noSchema(urn string) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no schema %q", urn)
}
