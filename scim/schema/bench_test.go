package schema

import "testing"

const typical = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
"externalId":"0180f909-9c5e-41c7-a4f7-6cfcd5b1441f","userName":"Test_User@contoso.example","active":true,"displayName":"BDFAIM","title":"T1",
"emails":[{"primary":true,"type":"work","value":"Test_User@contoso.example"},{"type":"home","value":"t@home.example"}],
"name":{"formatted":"Given Family","familyName":"Family","givenName":"Given"},"phoneNumbers":[{"type":"work","value":"56-357-7743"},{"type":"mobile","value":"56-357-7744"}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"E","department":"D","manager":{"value":"GZFDHGRKQLCG"}}}`

func BenchmarkParse(b *testing.B) {
	rt := User()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse(rt, []byte(typical), Interop()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	rt := User()
	o, _, err := Parse(rt, []byte(typical), Interop())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Encode(rt, o)
	}
}

func BenchmarkDecode(b *testing.B) {
	rt := User()
	o, _, err := Parse(rt, []byte(typical), Interop())
	if err != nil {
		b.Fatal(err)
	}
	stored := Encode(rt, o)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(rt, stored); err != nil {
			b.Fatal(err)
		}
	}
}
