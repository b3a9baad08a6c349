package filter

import (
	"strings"
	"testing"

	"domicile/scim/schema"
	"domicile/scim/scimtest"
)

// samples are resources for filters to be tried on.
func samples(t testing.TB) []schema.Object {
	t.Helper()
	list := []schema.Object{{}}
	for _, body := range []string{
		`{"userName":"jo","externalId":"X","active":true,"name":{"givenName":"Jo"},"emails":[{"value":"jo@x","type":"work","primary":true},{"value":"b"}]}`,
		`{"userName":"Straße","active":false,"title":"T","phoneNumbers":[{"value":"1","type":"home"}],
		  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m"},"department":"D"}}`,
	} {
		o, _, err := schema.Parse(schema.User(), []byte(body), schema.Interop())
		if err != nil {
			t.Fatal(err)
		}
		o["meta"] = schema.Object{"created": "2026-01-31T12:00:00.5Z", "version": `W/"1"`}
		list = append(list, o)
	}
	return list
}

// FuzzFilter: every text is a filter or a protocol error; the canonical spelling of a filter is stable, reads back, and
// means the same.
func FuzzFilter(f *testing.F) {
	for _, text := range append(scimtest.Corpus(f).Filters, scimtest.Short(scimtest.HostileFilters())...) {
		f.Add(text)
	}
	for _, text := range scimtest.Short(scimtest.BearableFilters()) {
		f.Add(text)
	}
	for _, text := range []string{
		`userName eq "a" and not (emails[type eq "work"].value co "x" or active eq true)`, `roles[primary eq "True"] or title eq null`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.givenName sw J`, `meta.created gt "2011-05-13T04:42:34Z"`, `((((a`,
	} {
		f.Add(text)
	}
	user, group, objects := schema.User(), schema.Group(), samples(f)
	f.Fuzz(func(t *testing.T, text string) {
		defer scimtest.Within(t, text)()
		if _, _, err := ParseRoot([]*schema.ResourceType{user, group}, text, schema.Strict()); !isFilterError(err) {
			t.Fatalf("%q at the root: %v", text, err)
		}
		n, _, err := Parse(user, text, schema.Interop())
		if !isFilterError(err) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil {
			stable(t, user, n, objects)
		}
	})
}

// tooDeep tells that a text nests more than is allowed.
func tooDeep(err error) bool { return strings.Contains(err.Error(), "levels") }

func isFilterError(err error) bool {
	return err == nil || scimType(err) == schema.InvalidFilter || scimType(err) == schema.Sensitive
}

// stable prints a filter and reads it back. The canonical spelling may be longer than the limits allow, as it writes names
// in full and brackets around what precedence would group.
func stable(t *testing.T, rt *schema.ResourceType, n Node, objects []schema.Object) {
	t.Helper()
	text := n.String()
	lax := parser{types: []*schema.ResourceType{rt}, Lenience: schema.Lenience{Dialect: schema.Strict()}, depth: -1 << 20,
		lexer: lexer{text: text, scimType: schema.InvalidFilter, what: "filter"}}
	again, err := lax.or()
	if err != nil || !lax.end() {
		t.Fatalf("%s does not read back: %v", text, err)
	}
	if again.String() != text {
		t.Fatalf("%s became %s", text, again)
	}
	for _, o := range objects {
		if Match(n, o) != Match(again, o) {
			t.Fatalf("%s means something else when it is read back, on %v", text, o)
		}
	}
}

// FuzzPath: every text is a path or a protocol error; the canonical spelling is stable.
func FuzzPath(f *testing.F) {
	for _, text := range append(scimtest.Corpus(f).Paths, scimtest.Short(scimtest.HostilePaths())...) {
		f.Add(text)
	}
	f.Add(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`)
	f.Add(`urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work" and not (primary eq true)].displayName`)
	user := schema.User()
	f.Fuzz(func(t *testing.T, text string) {
		defer scimtest.Within(t, text)()
		p, _, err := ParsePath(user, text, schema.Interop())
		if err != nil {
			if scimType(err) != schema.InvalidPath && scimType(err) != schema.InvalidFilter {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		canonical := p.String()
		again, _, err := ParsePath(user, canonical, schema.Strict())
		if err != nil && len(canonical) <= MaxLength && len(text) < MaxLength/2 && !tooDeep(err) {
			t.Fatalf("%q gives %s, which fails: %v", text, canonical, err)
		}
		if err == nil && (again.String() != canonical || again.Attr != p.Attr || again.URN != p.URN || again.Sub != p.Sub) {
			t.Fatalf("%q gives %s, then %s", text, canonical, again)
		}
	})
}

// TestHostile: the readers refuse what is hostile, and bear what only looks so.
func TestHostile(t *testing.T) {
	user := schema.User()
	for _, d := range []schema.Dialect{schema.Interop(), schema.Strict(), schema.Entra()} {
		for _, in := range scimtest.HostileFilters() {
			done := scimtest.Within(t, in.Name)
			if _, _, err := Parse(user, in.Text, d); err == nil || !isFilterError(err) {
				t.Errorf("filter, %s: %v", in.Name, err)
			}
			done()
		}
		for _, in := range scimtest.HostilePaths() {
			done := scimtest.Within(t, in.Name)
			_, _, err := ParsePath(user, in.Text, d)
			if readOnly := in.Name == "readOnly" || in.Name == "readOnly, deep"; (err == nil) != readOnly {
				t.Errorf("path, %s: %v", in.Name, err)
			}
			done()
		}
	}
	for _, in := range scimtest.BearableFilters() {
		if _, _, err := Parse(user, in.Text, schema.Interop()); err != nil {
			t.Errorf("filter, %s: %v", in.Name, err)
		}
	}
}
