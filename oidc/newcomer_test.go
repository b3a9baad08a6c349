package oidc

import (
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/scim/schema"
	"domicile/seal"
)

// newcomers is a flow whose organization wants newcomers.
func newcomers(t *testing.T) *flow {
	t.Helper()
	f := newFlow(t, command.SecondLevel)
	f.settings.JustInTime = true
	f.connect(flowSecret, "")
	f.must(&command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example", "acme.test"}, RootEmail: "root@acme.example",
		BreakGlass: []string{"glass@acme.example"}, Profile: directory.ProfileInterop,
	}})
	return f
}

// TestFlow_newcomer: an unknown person of one of the organization's domains becomes a user, once.
func TestFlow_newcomer(t *testing.T) {
	f := newcomers(t)
	f.person("sub-new", "New@acme.example", nil)
	session := f.succeeds("New@acme.example")
	user, ok := f.directory().User(session.User)
	if !ok || user.Source != directory.SourceJIT || !user.Active || user.UserName != "New@acme.example" ||
		user.UserNameKey != "new@acme.example" || user.ExternalID != "sub-new" || user.DisplayName != "Name of sub-new" ||
		user.Email() != "new@acme.example" {
		t.Errorf("%+v", user)
	}
	again := f.succeeds("New@acme.example")
	if again.User != session.User || f.counted("domicile_oidc_just_in_time_users_total") != 1 {
		t.Error("the second sign-in made another user")
	}
	// An owner undid the link: the person is found again.
	f.must(&command.DeleteLink{Connection: connection, Issuer: f.provider.Issuer(), Subject: "sub-new"})
	if f.succeeds("New@acme.example").User != session.User {
		t.Error("the person became somebody else")
	}
}

// TestFlow_newcomerRefused: who does not become a user.
func TestFlow_newcomerRefused(t *testing.T) {
	f := newcomers(t)
	f.user(directory.SourceSCIM, "known", "E-known", false)
	f.user(directory.SourceSCIM, "inactive", "", false, "inactive@acme.example")
	f.user(directory.SourceSCIM, "gone", "E-gone", true, "gone@acme.example")
	f.must(&command.DeleteUser{ID: "gone"})
	f.user(directory.SourceSCIM, "twin-1", "", true, "twin@acme.example")
	f.user(directory.SourceSCIM, "twin-2", "", true, "twin@acme.example")
	f.alice(nil)
	f.succeeds("alice@acme.example")
	before := f.FSM.View().Seq()
	for _, test := range []struct {
		name, subject, email string
		claims               map[string]any
		want                 Reason
	}{
		{"foreign domain", "s1", "x@elsewhere.example", nil, ReasonNewcomerEmail},
		{"subdomain", "s2", "x@sub.acme.example", nil, ReasonNewcomerEmail},
		{"suffix", "s3", "x@evilacme.example", nil, ReasonNewcomerEmail},
		{"not verified", "s4", "x@acme.example", map[string]any{"email_verified": false}, ReasonNewcomerEmail},
		{"nothing said", "s5", "x@acme.example", map[string]any{"email_verified": nil}, ReasonNewcomerEmail},
		{"root", "s6", "Root@acme.example", nil, ReasonNewcomerEmail},
		{"break glass", "s7", "glass@acme.example", nil, ReasonNewcomerEmail},
		{"named as root", "s8", "x@acme.example", map[string]any{"preferred_username": "root@acme.example"}, ReasonNewcomerEmail},
		{"two addresses", "s9", "x@acme.example,y@acme.example", nil, ReasonNewcomerEmail},
		{"look-alike", "s10", "x＠acme.example", nil, ReasonNewcomerEmail},
		{"externalId of somebody inactive", "E-known", "y@acme.example", nil, ReasonInactive},
		{"address of somebody inactive", "s11", "inactive@acme.example", nil, ReasonInactive},
		{"deleted: externalId", "E-gone", "z@acme.example", nil, ReasonInactive},
		{"deleted: address", "s12", "gone@acme.example", nil, ReasonInactive},
		{"deleted: userName", "s13", "z@acme.example", map[string]any{"preferred_username": "GONE"}, ReasonInactive},
		{"two have the address", "s14", "twin@acme.example", nil, ReasonNewcomerTaken},
		{"another identity has the user", "s15", "alice@acme.example", nil, ReasonNewcomerTaken},
		{"another identity has the name", "s16", "x@acme.example", map[string]any{"upn": "alice@acme.example"}, ReasonNewcomerTaken},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.t = t
			f.provider.RemoveUser("sub-alice")
			f.person(test.subject, test.email, test.claims)
			f.fails(test.email, test.want)
			f.provider.RemoveUser(test.subject)
			if test.want.Class() != ClassNotProvisioned {
				t.Error("the page tells who exists")
			}
		})
	}
	if got := f.FSM.View().Seq(); got != before {
		t.Errorf("%d commands were written", got-before)
	}
	f.t = t
	f.settings.JustInTime = false
	f.connect(flowSecret, "")
	f.person("sub-x", "x@acme.example", nil)
	f.fails("x@acme.example", ReasonNotProvisioned)
}

// TestFlow_newcomerTwice: two sign-ins of the same new person at once give one user.
func TestFlow_newcomerTwice(t *testing.T) {
	f := newcomers(t)
	f.person("sub-new", "new@acme.example", nil)
	_, first := f.walk(StartRequest{Connection: connection}, "new@acme.example")
	_, second := f.walk(StartRequest{Connection: connection}, "new@acme.example")
	answers := make(chan SignedIn, 2)
	for _, callback := range []Callback{first, second} {
		go func() {
			done, err := f.service.Finish(f.t.Context(), callback)
			if err != nil {
				f.t.Error(err)
			}
			answers <- done
		}()
	}
	one, other := <-answers, <-answers
	if one.User == nil || other.User == nil || one.User.ID != other.User.ID {
		t.Error("two users")
	}
}

// TestFlow_newcomerFaster: whoever is provisioned between our look and our write is found.
func TestFlow_newcomerFaster(t *testing.T) {
	f := newcomers(t)
	f.person("sub-new", "new@acme.example", nil)
	f.Before(func(c command.Command) error {
		if _, ours := c.Payload.(*command.CreateUser); ours {
			f.user(directory.SourceSCIM, "new@acme.example", "", true, "new@acme.example")
			f.Before(nil)
		}
		return nil
	})
	session := f.succeeds("new@acme.example")
	if user, _ := f.directory().User(session.User); user.Source != directory.SourceSCIM {
		t.Errorf("%+v", user)
	}
}

func TestNewcomer_names(t *testing.T) {
	f := newcomers(t)
	for _, test := range []struct {
		usernames      []string
		name           string
		userName, show string
	}{
		{nil, "", "x@acme.example", "x@acme.example"},
		{[]string{"jdoe"}, " J. Doe ", "jdoe", "J. Doe"},
		{[]string{"boss@acme.example"}, "J\x00\u202e D", "x@acme.example", "J D"},
		{[]string{"J Doe"}, "", "x@acme.example", "x@acme.example"},
		{[]string{"j\u200bdoe"}, "", "x@acme.example", "x@acme.example"},
	} {
		id := identity{email: "x@acme.example", emailVouched: true, usernames: test.usernames, name: test.name, external: "E"}
		fields, refusal := newcomer(f.directory(), new(directory.Connection), &id)
		if refusal != nil || fields.UserName != test.userName || fields.DisplayName != test.show {
			t.Errorf("%q: %+v, %v", test.usernames, fields, refusal)
		}
	}
}

// TestPerson_document: the document is the one that the IdP's door would keep.
func TestPerson_document(t *testing.T) {
	for _, person := range []directory.Person{
		{UserName: "x@acme.example", Email: "x@acme.example"},
		{UserName: `Zoë "<&>" \`, ExternalID: "7", DisplayName: "Zoë <b>", Email: "Z@acme.example"},
	} {
		object := schema.Object{
			"userName": person.UserName, "active": true,
			"emails": []any{schema.Object{"value": person.Email, "type": "work", "primary": true}},
		}
		if person.ExternalID != "" {
			object["externalId"] = person.ExternalID
		}
		if person.DisplayName != "" {
			object["displayName"] = person.DisplayName
		}
		if want := string(schema.Encode(schema.User(), object)); person.Document() != want {
			t.Errorf("got  %s\nwant %s", person.Document(), want)
		}
	}
}

// TestFlow_newcomerThin: what the ID token leaves out is asked for.
func TestFlow_newcomerThin(t *testing.T) {
	f := newcomers(t)
	f.person("sub-new", "new@acme.example", nil)
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.ThinToken}})
	session := f.succeeds("new@acme.example")
	if user, _ := f.directory().User(session.User); user.DisplayName != "Name of sub-new" {
		t.Errorf("%+v", user)
	}
	if _, ok := f.FSM.View().SessionByID(session.ID); !ok || session.Hash == seal.HashToken("") {
		t.Error("no session")
	}
}
