package directory_test

import (
	"strings"
	"testing"

	"domicile/directory"
)

func TestSchema_Validate(t *testing.T) {
	for urn, good := range map[string]bool{
		"urn:acme:scim:Employee": true,
		"URN:acme:1":             true,
		"urn:ietf:params:scim:schemas:extension:Acme:2.0:User": true,
		"urn:acme:" + strings.Repeat("a", 246):                 true,
		"urn:acme:" + strings.Repeat("a", 247):                 false,
		"":                                                     false,
		"urn":                                                  false,
		"urn:acme":                                             false,
		"urn:acme:":                                            false,
		"urn:a:b":                                              false,
		"uri:acme:x":                                           false,
		"acme":                                                 false,
		"urn:acme:a b":                                         false,
		`urn:acme:"`:                                           false,
		`urn:acme:\`:                                           false,
		"urn:acme:\n":                                          false,
		"urn:acme:ü":                                           false,
		"urn:ietf:params:scim:schemas:core:2.0:User":                  false,
		"URN:IETF:params:scim:schemas:core:2.0:Device":                false,
		"urn:ietf:params:scim:api:messages:2.0:PatchOp":               false,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":  false,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:Group": true,
	} {
		schema := directory.Schema{URN: urn, Resource: "User", Document: "{}"}
		err := schema.Validate()
		if (err == nil) != good {
			t.Errorf("%.70q: %v", urn, err)
		}
		if err != nil {
			wantInvalid(t, err, "id")
		}
	}
	schema := directory.Schema{URN: "urn:acme:x", Resource: "Group", Document: strings.Repeat("x", directory.MaxSchemaDocument)}
	if err := schema.Validate(); err != nil {
		t.Error(err)
	}
	schema.Document += "x"
	if err := schema.Validate(); directory.KindOf(err) != directory.KindTooLarge {
		t.Errorf("a large document: %v", err)
	}
	wantInvalid(t, (&directory.Schema{URN: "urn:acme:x", Resource: "user"}).Validate(), "resource")
}
