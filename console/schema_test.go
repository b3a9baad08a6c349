package console_test

import (
	"strings"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

const badge = "urn:example:scim:schemas:Badge:1.0:User"

func badgeWith(attributes string) []byte {
	return []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + badge + `","name":"Badge","attributes":[` + attributes + `]}`)
}

const number = `{"name":"number","type":"string","multiValued":false,"required":false}`

func TestSchema(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	put, isNew, err := h.PutSchema(t.Context(), actor, org, badge, "User", badgeWith(number))
	if err != nil || !isNew || put.Version == 0 || put.Created == 0 {
		t.Fatalf("put %+v, new %t, %v", put, isNew, err)
	}
	again, isNew, err := h.PutSchema(t.Context(), actor, org, badge, "User", []byte(put.Document))
	if err != nil || isNew || again.Version != put.Version {
		t.Fatalf("put again %+v, new %t, %v", again, isNew, err)
	}
	wider := badgeWith(number + `,{"name":"color","type":"string","multiValued":false}`)
	wide, isNew, err := h.PutSchema(t.Context(), actor, org, badge, "User", wider)
	if err != nil || isNew || wide.Version <= put.Version {
		t.Fatalf("widened %+v, new %t, %v", wide, isNew, err)
	}
	all, err := h.ListSchemas(t.Context(), org)
	if err != nil || len(all) != 1 || !strings.Contains(all[0].Document, `"color"`) {
		t.Fatalf("listed %v, %v", all, err)
	}
	for name, test := range map[string]struct {
		org           directory.OrganizationID
		urn, resource string
		document      []byte
		kind          directory.Kind
		field         string
	}{
		"narrower":         {org, badge, "User", badgeWith(number), directory.KindConflict, "color"},
		"another resource": {org, badge, "Group", wider, directory.KindConflict, "resource"},
		"unknown resource": {org, badge, "Device", wider, directory.KindInvalid, "resource"},
		"another URN":      {org, "urn:example:other", "User", wider, directory.KindInvalid, "id"},
		"bad type":         {org, badge, "User", badgeWith(`{"name":"a","type":"text"}`), directory.KindInvalid, "attributes[0].type"},
		"required":         {org, badge, "User", badgeWith(`{"name":"a","type":"string","required":true}`), directory.KindInvalid, "attributes[0].required"},
		"no JSON":          {org, badge, "User", []byte("{"), directory.KindInvalid, ""},
		"standard": {org, "urn:ietf:params:scim:schemas:core:2.0:User", "User",
			[]byte(`{"id":"urn:ietf:params:scim:schemas:core:2.0:User","attributes":[` + number + `]}`), directory.KindInvalid, "id"},
		"attribute of another": {org, badge + ":number", "User",
			[]byte(`{"id":"` + badge + `:number","name":"x","attributes":[` + number + `]}`), directory.KindConflict, "id"},
		"organization": {"nobody", badge, "User", wider, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := h.PutSchema(t.Context(), actor, test.org, test.urn, test.resource, test.document)
			wantError(t, err, test.kind, test.field)
		})
	}
	if err := h.DeleteSchema(t.Context(), actor, org, badge); err != nil {
		t.Fatal(err)
	}
	_, err = h.GetSchema(t.Context(), org, badge)
	wantError(t, err, directory.KindNotFound, "")
	wantError(t, h.DeleteSchema(t.Context(), actor, org, badge), directory.KindNotFound, "")
}

func TestPutSchema_losesNothingToOthers(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	if _, _, err := h.PutSchema(t.Context(), actor, org, badge, "User", badgeWith(number)); err != nil {
		t.Fatal(err)
	}
	first := true
	h.ledger.Before(func(c command.Command) error {
		if _, put := c.Payload.(*command.PutSchema); put && first {
			first = false // somebody else adds color between our read and our write
			_, _, err := h.PutSchema(t.Context(), actor, org, badge, "User", badgeWith(number+`,{"name":"color","type":"string"}`))
			return err
		}
		return nil
	})
	_, _, err := h.PutSchema(t.Context(), actor, org, badge, "User", badgeWith(number+`,{"name":"size","type":"string"}`))
	wantError(t, err, directory.KindConflict, "color")
}
