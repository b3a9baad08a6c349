package scim_test

import (
	"fmt"
	"testing"

	"domicile/scim"
)

const benchUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],` +
	`"userName":"user%[1]d@example.com","externalId":"ext-%[1]d","name":{"givenName":"Given%[1]d","familyName":"Family%[1]d"},` +
	`"displayName":"Given%[1]d Family%[1]d","title":"Engineer","active":true,` +
	`"emails":[{"value":"user%[1]d@example.com","type":"work","primary":true}],` +
	`"phoneNumbers":[{"value":"+1 555 0100","type":"work"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Tooling","employeeNumber":"%[1]d"}}`

// benchWorld has n users, a tenth of them in one group each.
func benchWorld(b *testing.B, n int) (w *world, ids []string) {
	b.Helper()
	w = newWorld(b)
	for i := range n {
		ids = append(ids, w.create(b, scim.Users, fmt.Sprintf(benchUser, i)))
	}
	for i := 0; i < n; i += 100 {
		members := ""
		for j := i; j < min(i+10, n); j++ {
			members += `,{"value":"` + ids[j] + `"}`
		}
		w.create(b, scim.Groups, fmt.Sprintf(`{"schemas":[%q],"displayName":"group %d","members":[%s]}`, groupURN, i, members[1:]))
	}
	return w, ids
}

func BenchmarkGet(b *testing.B) {
	w, ids := benchWorld(b, 10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := w.Get(b.Context(), w.actor, scim.Users, ids[i*7919%len(ids)], scim.Query{}, scim.Conditions{})
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Authenticate(b.Context(), w.org, bearer(w.token)); err != nil {
			b.Fatal(err)
		}
	}
}

func benchList(b *testing.B, w *world, kind scim.Kind, raw string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		q, err := scim.ParseQuery(raw)
		if err != nil {
			b.Fatal(err)
		}
		r, err := w.List(b.Context(), w.actor, kind, q)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

func BenchmarkList(b *testing.B) {
	w, _ := benchWorld(b, 10_000)
	for _, c := range []struct {
		name string
		kind scim.Kind
		raw  string
	}{
		{"userName_eq", scim.Users, "filter=userName+eq+%22user4711@example.com%22"},
		{"externalId_eq", scim.Users, "filter=externalId%20eq%20%22ext-4711%22"},
		{"email_eq_within_brackets", scim.Users, "filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22user4711@example.com%22"},
		{"first_100", scim.Users, "count=100"},
		{"last_100", scim.Users, "count=100&startIndex=9901"},
		{"100_projected", scim.Users, "count=100&attributes=userName,emails"},
		{"sort_by_userName", scim.Users, "count=100&sortBy=userName"},
		{"scan_active", scim.Users, "count=100&filter=active+eq+false"},
		{"scan_title", scim.Users, "count=100&filter=title+eq+%22Engineer%22"},
		{"groups_100", scim.Groups, "count=100"},
		{"groups_without_members", scim.Groups, "count=100&excludedAttributes=members"},
		{"group_displayName_eq", scim.Groups, "excludedAttributes=members&filter=displayName+eq+%22group+400%22"},
	} {
		b.Run(c.name, func(b *testing.B) { benchList(b, w, c.kind, c.raw) })
	}
}

func BenchmarkCreate(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := w.Create(b.Context(), w.actor, scim.Users, fmt.Appendf(nil, benchUser, i), scim.Query{})
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

func BenchmarkPatchActive(b *testing.B) {
	w, ids := benchWorld(b, 1000)
	bodies := [2][]byte{}
	for i, active := range []string{"false", "true"} {
		bodies[i] = []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":` + active + `}]}`)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := w.Patch(b.Context(), w.actor, scim.Users, ids[i%len(ids)], bodies[i/len(ids)%2], scim.Query{}, scim.Conditions{})
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

func BenchmarkPatchMember(b *testing.B) {
	for _, size := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w, ids := benchWorld(b, size)
			all := ""
			for _, id := range ids[1:] {
				all += `,{"value":"` + id + `"}`
			}
			group := w.create(b, scim.Groups, fmt.Sprintf(`{"schemas":[%q],"displayName":"large","members":[%s]}`, groupURN, all[1:]))
			bodies := [2][]byte{
				[]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"` + ids[0] + `"}]}]}`),
				[]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members[value eq \"` + ids[0] + `\"]"}]}`),
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := w.Patch(b.Context(), w.actor, scim.Groups, group, bodies[i%2], scim.Query{}, scim.Conditions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
