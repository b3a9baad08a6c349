package fsm

import (
	"fmt"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

const employee = "urn:acme:scim:Employee"

func putEmployee(document string) *command.PutSchema {
	return &command.PutSchema{URN: employee, Resource: "User", Document: document}
}

func TestSchemas_rules(t *testing.T) {
	l := newLedger(t).acme(0)
	if v := l.directory("acme").SchemasVersion(); v != 0 {
		t.Errorf("schemas of a new organization are of version %d", v)
	}
	expecting := putEmployee("{}")
	expecting.ExpectVersion = 3
	l.refuse("acme", expecting, directory.KindNotFound)
	first := l.do("acme", putEmployee("{}"))
	l.refuse("acme", expecting, directory.KindStale)
	for name, c := range map[string]struct {
		p    command.PutSchema
		want directory.Kind
	}{
		"no URN":          {command.PutSchema{URN: "acme", Resource: "User"}, directory.KindInvalid},
		"quote":           {command.PutSchema{URN: `urn:acme:"x`, Resource: "User"}, directory.KindInvalid},
		"other resource":  {command.PutSchema{URN: "urn:acme:x", Resource: "Device"}, directory.KindInvalid},
		"moved":           {command.PutSchema{URN: employee, Resource: "Group"}, directory.KindConflict},
		"letter case":     {command.PutSchema{URN: strings.ToUpper(employee), Resource: "User"}, directory.KindConflict},
		"large document":  {command.PutSchema{URN: employee, Resource: "User", Document: strings.Repeat("x", 32<<10+1)}, directory.KindTooLarge},
		"no organization": {command.PutSchema{URN: employee, Resource: "User"}, directory.KindNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			l.TB = t
			org := directory.OrganizationID("acme")
			if c.want == directory.KindNotFound {
				org = "nowhere"
			}
			l.refuse(org, &c.p, c.want)
		})
	}
	l.TB = t
	if r := l.do("acme", putEmployee("{}")); r.Changed || r.Version != first.Version {
		t.Errorf("the same document again: %+v", r)
	}
	l.now++
	second := l.do("acme", putEmployee(`{"a":1}`))
	d := l.directory("acme")
	schema, _ := d.Schema(employee)
	if schema.Version != second.Seq || schema.Created != first.Created || schema.Modified != l.now || d.SchemasVersion() != second.Seq {
		t.Errorf("schema %+v of version %d", schema, d.SchemasVersion())
	}
	for n := range directory.MaxSchemas - 1 {
		l.do("acme", &command.PutSchema{URN: fmt.Sprint("urn:acme:s", n), Resource: "Group"})
	}
	l.refuse("acme", &command.PutSchema{URN: "urn:acme:more", Resource: "Group"}, directory.KindTooLarge)
	gone := l.do("acme", &command.DeleteSchema{URN: employee})
	if d = l.directory("acme"); d.SchemasVersion() != gone.Seq || d.SchemaCount() != directory.MaxSchemas-1 {
		t.Errorf("%d schemas of version %d", d.SchemaCount(), d.SchemasVersion())
	}
	l.refuse("acme", &command.DeleteSchema{URN: employee}, directory.KindNotFound)
	l.fsm = reborn(t, l.fsm)
	if d = l.directory("acme"); d.SchemasVersion() != gone.Seq {
		t.Errorf("after a restore the schemas are of version %d", d.SchemasVersion())
	}
}

// A schema stays while it has values; the same text in a value, or at a resource of the other type, is none.
func TestDeleteSchema_inUse(t *testing.T) {
	l := newLedger(t).acme(2)
	l.do("acme", putEmployee("{}"))
	l.do("acme", &command.PutSchema{URN: "urn:acme:scim:Team", Resource: "Group"})
	values := fields(0, true)
	values.Attributes = `{"userName":"a","` + employee + `":{"badge":7}}`
	l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: values})
	quoted := fields(1, true)
	quoted.Attributes = `{"userName":"b","title":"\"` + employee + `\":{"}`
	l.do("acme", &command.ReplaceUser{ID: userID(1), UserFields: quoted})
	group := command.GroupFields{DisplayNameKey: "g", Attributes: `{"displayName":"g","urn:acme:scim:Team":{"a":1},"` + employee + `":{}}`}
	l.do("acme", &command.CreateGroup{ID: "group", Source: directory.SourceSCIM, GroupFields: group})

	l.refuse("acme", &command.DeleteSchema{URN: employee}, directory.KindConflict)
	l.refuse("acme", &command.DeleteSchema{URN: "urn:acme:scim:Team"}, directory.KindConflict)
	values.Attributes = "{}"
	l.do("acme", &command.ReplaceUser{ID: userID(0), UserFields: values})
	l.do("acme", &command.DeleteSchema{URN: employee})
	l.do("acme", &command.DeleteGroup{ID: "group"})
	l.do("acme", &command.DeleteSchema{URN: "urn:acme:scim:Team"})
	l.check()
}
