package oidc

import (
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
)

func TestWhois(t *testing.T) {
	l := newLedger(t)
	scim, invited, root := directory.SourceSCIM, directory.SourceInvited, directory.SourceRoot
	l.user(scim, "linked@acme.example", "", true, "linked@acme.example")
	l.session("linked@acme.example", "sub-linked")
	l.user(scim, "ext", "E7", true)
	l.user(scim, "zero", "007", true)
	l.user(scim, "twin-1", "TWIN", true)
	l.user(scim, "twin-2", "TWIN", true)
	l.user(invited, "fake", "INVITED", true)
	l.user(scim, "moved", "MOVED", true)
	l.session("moved", "sub-before-the-move")
	l.user(scim, "Name@acme.example", "", true)
	l.user(scim, "strasse", "", true)
	l.user(scim, "mail", "", true, "mail@acme.example", "second@acme.test")
	l.user(scim, "shared-1", "", true, "shared@acme.example")
	l.user(scim, "shared-2", "", true, "shared@acme.example")
	l.user(invited, "guest@acme.example", "", true, "guest@acme.example")
	l.user(invited, "guest@elsewhere.example", "", true, "guest@elsewhere.example")
	l.must(&command.RaiseLevel{Level: command.SecondLevel})
	l.user(directory.SourceJIT, "newcomer", "", true, "newcomer@acme.example")
	l.user(scim, "abroad", "", true, "abroad@elsewhere.example")
	l.user(scim, "gone", "GONE", false, "gone@acme.example")
	l.user(root, "admin", "ROOT", true, "root@acme.example")
	view := l.FSM.View()
	d, _ := view.Directory(acme)
	registered, _ := d.Connection(connection)

	vouched := func(address string) identity { return identity{email: address, emailVouched: true} }
	named := func(names ...string) identity { return identity{usernames: names} }
	tests := []struct {
		name   string
		id     identity
		want   string
		reason Reason
	}{
		{"link wins over everything", identity{subject: "sub-linked", external: "E7", usernames: []string{"mail"}}, "linked@acme.example", ""},
		{"externalId", identity{external: "E7"}, "ext", ""},
		{"externalId in another letter case", identity{external: "e7"}, "", ReasonNotProvisioned},
		{"externalId is no number", identity{external: "7"}, "", ReasonNotProvisioned},
		{"externalId of two", identity{external: "TWIN"}, "", ReasonNotProvisioned},
		{"externalId of an invited user", identity{external: "INVITED"}, "", ReasonNotProvisioned},
		{"externalId of the root user", identity{external: "ROOT"}, "", ReasonNotProvisioned},
		{"externalId of a linked user: the provider's subject has changed", identity{external: "MOVED"}, "moved", ""},
		{"externalId of an inactive user", identity{external: "GONE", usernames: []string{"mail"}}, "", ReasonInactive},
		{"userName", named("name@ACME.example"), "Name@acme.example", ""},
		{"second name", named("nobody", "mail"), "mail", ""},
		{"userName of a linked user", named("linked@acme.example"), "", ReasonNotProvisioned},
		{"userName of the root user", named("admin"), "", ReasonNotProvisioned},
		{"userName is the root address", named("root@acme.example"), "", ReasonNotProvisioned},
		{"look-alike of s", named("\u017ftrasse"), "", ReasonNotProvisioned},
		{"folds to another name", named("straße"), "", ReasonNotProvisioned},
		{"Kelvin sign", named("lin\u212aed"), "", ReasonNotProvisioned},
		{"fullwidth", named("ｍail"), "", ReasonNotProvisioned},
		{"name is an address that the provider denies", identity{usernames: []string{"name@acme.example"}, email: "name@acme.example", emailDenied: true}, "", ReasonNotProvisioned},
		{"address", vouched("Mail@Acme.example"), "mail", ""},
		{"second address, second domain", vouched("second@acme.test"), "mail", ""},
		{"address is the userName", vouched("name@acme.example"), "Name@acme.example", ""},
		{"address that nobody vouches for", identity{email: "mail@acme.example"}, "", ReasonNotProvisioned},
		{"address of two", vouched("shared@acme.example"), "", ReasonNotProvisioned},
		{"address of an invited user", vouched("guest@acme.example"), "guest@acme.example", ""},
		{"name of an invited user", named("guest@acme.example"), "", ReasonNotProvisioned},
		{"name of an invited user of elsewhere", identity{usernames: []string{"guest@elsewhere.example"}, email: "mallory@acme.example", emailVouched: true}, "", ReasonNotProvisioned},
		{"name of a newcomer", named("newcomer"), "", ReasonNotProvisioned},
		{"address of a newcomer", vouched("newcomer@acme.example"), "newcomer", ""},
		{"address of a linked user", vouched("linked@acme.example"), "", ReasonNotProvisioned},
		{"address in a foreign domain", vouched("abroad@elsewhere.example"), "", ReasonNotProvisioned},
		{"address of the root user", vouched("root@acme.example"), "", ReasonNotProvisioned},
		{"address of an inactive user", vouched("gone@acme.example"), "", ReasonInactive},
		{"shared issuer, own domain", identity{shared: true, domain: "acme.example", external: "E7"}, "ext", ""},
		{"shared issuer, linked, own domain", identity{subject: "sub-linked", shared: true, domain: "acme.test"}, "linked@acme.example", ""},
		{"shared issuer, linked, has left", identity{subject: "sub-linked", shared: true}, "", ReasonForeignAccount},
		{"shared issuer, no domain", identity{shared: true, external: "E7"}, "", ReasonForeignAccount},
		{"shared issuer, foreign domain", identity{shared: true, domain: "elsewhere.example", external: "E7"}, "", ReasonForeignAccount},
		{"shared issuer, look-alike of the domain", identity{shared: true, domain: "\uff41cme.example", external: "E7"}, "", ReasonForeignAccount},
		{"shared issuer, domain in capitals", identity{shared: true, domain: "ACME.example", external: "E7"}, "ext", ""},
		{"nothing", identity{}, "", ReasonNotProvisioned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.id.issuer = testIssuer
			if test.id.subject == "" {
				test.id.subject = "sub-unknown"
			}
			user, refusal := whois(d, registered, &test.id)
			switch {
			case test.reason == "" && (refusal != nil || string(user.ID) != test.want):
				t.Errorf("got %v, %v", user, refusal)
			case test.reason != "" && (refusal == nil || refusal.Reason != test.reason):
				t.Errorf("got %v, %v; want %s", user, refusal, test.reason)
			}
		})
	}
}

// TestWhois_subsidiary: a provider speaks for the domains of its connection, and takes nobody over by e-mail whom another one
// has proved.
func TestWhois_subsidiary(t *testing.T) {
	l := newLedger(t)
	l.must(&command.RaiseLevel{Level: command.SecondLevel})
	l.must(&command.PutConnection{
		ID: "subsidiary", Issuer: "https://sub.example", ClientID: "client", Enabled: true, Domains: []string{"acme.test", "unproved.example"},
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	})
	scim, invited := directory.SourceSCIM, directory.SourceInvited
	l.user(scim, "boss@acme.example", "EXT", true, "boss@acme.example")
	l.user(scim, "ida@acme.test", "", true, "ida@acme.test")
	l.user(scim, "upn@acme.onmicrosoft.com", "", true)
	l.user(scim, "unproved@unproved.example", "", true, "unproved@unproved.example")
	l.user(invited, "guest@acme.example", "", true, "guest@acme.example")
	l.user(invited, "guest@acme.test", "", true, "guest@acme.test")
	l.user(invited, "moved@acme.test", "", true, "moved@acme.test")
	l.session("moved@acme.test", "sub-moved")
	d, _ := l.FSM.View().Directory(acme)

	vouched := func(address string) identity { return identity{email: address, emailVouched: true} }
	named := func(name string) identity { return identity{usernames: []string{name}} }
	for name, test := range map[string]struct {
		through directory.ConnectionID
		id      identity
		want    string
	}{
		"address, its own":                    {"subsidiary", vouched("guest@acme.test"), "guest@acme.test"},
		"address, the other's":                {"subsidiary", vouched("guest@acme.example"), ""},
		"address, not proved":                 {"subsidiary", vouched("unproved@unproved.example"), ""},
		"address, proved by another provider": {"subsidiary", vouched("moved@acme.test"), ""},
		"name, its own":                       {"subsidiary", named("ida@acme.test"), "ida@acme.test"},
		"name, the other's":                   {"subsidiary", named("Boss@acme.example"), ""},
		"name, in nobody's domain":            {"subsidiary", named("upn@acme.onmicrosoft.com"), "upn@acme.onmicrosoft.com"},
		"externalId":                          {"subsidiary", identity{external: "EXT"}, "boss@acme.example"},
		"address, no other's":                 {connection, vouched("guest@acme.example"), "guest@acme.example"},
		"address that the subsidiary is for":  {connection, vouched("guest@acme.test"), ""},
		"name that the subsidiary is for":     {connection, named("ida@acme.test"), ""},
		"name, no other's":                    {connection, named("boss@acme.example"), "boss@acme.example"},
	} {
		registered, _ := d.Connection(test.through)
		test.id.issuer, test.id.subject = registered.Issuer, "sub-unknown"
		user, refusal := whois(d, registered, &test.id)
		if refusal == nil && string(user.ID) != test.want || refusal != nil && (test.want != "" || refusal.Reason != ReasonNotProvisioned) {
			t.Errorf("%s: %v, %v", name, user, refusal)
		}
		if test.id.emailVouched && test.want == "" {
			test.id.email = "new-" + test.id.email
			if _, refusal := newcomer(d, registered, &test.id); (refusal == nil) != (test.id.email == "new-moved@acme.test") {
				t.Errorf("%s: a newcomer: %v", name, refusal)
			}
		}
	}
	// Nor does one provider sign out people of the other's domain.
	subsidiary, _ := d.Connection("subsidiary")
	for address, want := range map[string]Reason{"boss@acme.example": ReasonSubjectUnknown, "ida@acme.test": ""} {
		if _, reason := usersAt(d, subsidiary, address); reason != want {
			t.Errorf("revocation of %s: %q", address, reason)
		}
	}
}

// TestFindConnection: the address's domain decides between an organization's connections; whatever is more precise than the
// address goes before it.
func TestFindConnection(t *testing.T) {
	l := newLedger(t)
	l.must(&command.RaiseLevel{Level: command.SecondLevel})
	put := func(id directory.ConnectionID, enabled bool, domains ...string) {
		l.must(&command.PutConnection{
			ID: id, Issuer: testIssuer, ClientID: string(id), Enabled: enabled, Domains: domains,
			ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
		})
	}
	put("subsidiary", true, "acme.test")
	for _, test := range []struct {
		request StartRequest
		want    directory.ConnectionID
	}{
		{StartRequest{Email: "a@acme.example"}, connection},
		{StartRequest{Email: " A@ACME.test "}, "subsidiary"},
		{StartRequest{Email: "a@sub.acme.test"}, ""},
		{StartRequest{OrganizationSlug: "acme"}, connection},
		{StartRequest{OrganizationSlug: "acme", Email: "a@acme.test"}, "subsidiary"},
		{StartRequest{OrganizationSlug: "acme", Email: "a@elsewhere.example"}, connection},
		{StartRequest{Connection: connection, Email: "a@acme.test"}, connection},
	} {
		got, ok := findConnection(l.FSM.View(), test.request)
		if ok != (test.want != "") || ok && got.ID != test.want {
			t.Errorf("%+v: %+v, want %s", test.request, got, test.want)
		}
	}
	put("subsidiary", false, "acme.test")
	if got, _ := findConnection(l.FSM.View(), StartRequest{Email: "a@acme.test"}); got.ID != connection {
		t.Errorf("while it is off: %+v", got)
	}
}

func TestEmailDomain(t *testing.T) {
	for address, want := range map[string]string{
		"a@corp.example": "corp.example", " A@CORP.example ": "corp.example", "a@sub.corp.example": "sub.corp.example",
		"a": "", "@corp.example": "", "a@": "", "a@b@corp.example": "", "a,b@corp.example": "", "a＠corp.example": "",
		"a@corp.example.": "", "a@corp": "", "a@corp..example": "", "a b@corp.example": "", "ａ@corp.example": "", "a@cörp.example": "",
	} {
		if got := emailDomain(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestIdentityOf(t *testing.T) {
	entra := directory.ProviderProfileOf("https://login.microsoftonline.com/7a9b1c1e-0000-0000-0000-000000000000/v2.0")
	claims, err := parseClaims([]byte(`{"iss":"i","sub":"pairwise","oid":"O1","email":"a@acme.example","preferred_username":"a@acme.example"}`))
	if err != nil {
		t.Fatal(err)
	}
	if id := identityOf(claims, entra); id.external != "O1" || !id.emailVouched || id.shared {
		t.Errorf("entra: %+v", id)
	}
	if id := identityOf(claims, directory.ProviderProfileOf("https://idp.example/login.microsoftonline.com")); id.external != "pairwise" || id.emailVouched {
		t.Errorf("generic: %+v", id)
	}
	if id := identityOf(claims, directory.ProviderProfileOf("https://accounts.google.com")); !id.shared || id.domain != "" {
		t.Errorf("google: %+v", id)
	}
}
