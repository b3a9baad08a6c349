package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"domicile/directory"
)

func TestKindOf(t *testing.T) {
	conflict := directory.Errorf(directory.KindConflict, "userName", "taken")
	for _, c := range []struct {
		err  error
		want directory.Kind
	}{
		{nil, 0},
		{conflict, directory.KindConflict},
		{fmt.Errorf("create: %w", conflict), directory.KindConflict},
		{errors.Join(errors.New("other"), conflict), directory.KindConflict},
		{errors.New("other"), directory.KindInternal},
	} {
		if got := directory.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) is %s, want %s", c.err, got, c.want)
		}
	}
}

// Kinds live in remembered results and cross the peer link: their numbers never change.
func TestKind_numbers(t *testing.T) {
	want := map[directory.Kind]string{
		0: "unknown", 1: "internal", 2: "invalid", 3: "not found", 4: "conflict", 5: "stale", 6: "unauthenticated", 7: "forbidden",
		8: "too large", 9: "unavailable", 10: "expired", 11: "replayed", 12: "unknown", 255: "unknown",
	}
	for kind, name := range want {
		if got := kind.String(); got != name {
			t.Errorf("kind %d is %q, want %q", kind, got, name)
		}
	}
}

func TestError_text(t *testing.T) {
	cause := errors.New("connection refused")
	err := directory.Unavailable(time.Second, cause, "no leader in %d s", 5)
	if got := err.Error(); got != "unavailable: no leader in 5 s: connection refused" {
		t.Errorf("text is %q", got)
	}
	if !errors.Is(err, cause) || err.RetryAfter != time.Second {
		t.Error("cause or retry is lost")
	}
	if got := directory.Errorf(directory.KindInvalid, "slug", "").Error(); got != "invalid slug" {
		t.Errorf("text is %q", got)
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"Ann@Example.COM": "ann@example.com",
		"STRASSE":         "strasse",
		"Straße":          "strasse",
		"ÅNGSTRÖM":        "ångström",
		"A\u030angstrom":  "ångstrom",
		"Ａｎｎ":             "ann",
		"ΣΊΣΥΦΟΣ":         "σίσυφοσ",
		"Σίσυφος":         "σίσυφοσ",
		"ᎠᏴ":              "ꭰᏼ",
		"ꭰᏼ":              "ꭰᏼ",
	} {
		if got := directory.Fold(in); got != want {
			t.Errorf("Fold(%q) is %q, want %q", in, got, want)
		}
	}
}

// A key that is folded again stays as it is, so that it does not matter how often a door folds.
func TestFold_isIdempotent(t *testing.T) {
	for r := rune(0); r <= 0x1ffff; r++ {
		once := directory.Fold(string(r))
		if twice := directory.Fold(once); twice != once {
			t.Errorf("Fold(%U) is %q, folded again %q", r, once, twice)
		}
	}
}

func TestEmailDomain(t *testing.T) {
	for in, want := range map[string]string{
		"ann@example.com":                        "example.com",
		"Ann.B+x@Mail.Example.COM":               "mail.example.com",
		"jörg@example.com":                       "example.com",
		"ann":                                    "",
		"@example.com":                           "",
		"ann@":                                   "",
		"ann@localhost":                          "",
		"ann@b@example.com":                      "",
		"ann b@example.com":                      "",
		"\"ann\"@example.com":                    "",
		"ann,bob@example.com":                    "",
		"ann\n@example.com":                      "",
		"ann@exa mple.com":                       "",
		"ann@-example.com":                       "",
		"ann@example.com.":                       "",
		"ann@müller.example":                     "",
		"ann@" + strings.Repeat("a", 64) + ".de": "",
	} {
		if got := directory.EmailDomain(in); got != want {
			t.Errorf("EmailDomain(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestOrganization_Validate(t *testing.T) {
	good := directory.Organization{
		Slug: "acme-2", Name: "Acme", Domains: []string{"acme.example", "sub.acme.example"}, RootEmail: "root@acme.example",
		Profile: directory.ProfileInterop,
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*directory.Organization)
		field  string
	}{
		"no slug":            {func(o *directory.Organization) { o.Slug = "" }, "slug"},
		"upper-case slug":    {func(o *directory.Organization) { o.Slug = "Acme" }, "slug"},
		"slug ends in -":     {func(o *directory.Organization) { o.Slug = "acme-" }, "slug"},
		"long slug":          {func(o *directory.Organization) { o.Slug = strings.Repeat("a", 64) }, "slug"},
		"reserved slug":      {func(o *directory.Organization) { o.Slug = "emergency" }, "slug"},
		"blank name":         {func(o *directory.Organization) { o.Name = "  " }, "name"},
		"long name":          {func(o *directory.Organization) { o.Name = strings.Repeat("a", 201) }, "name"},
		"one label":          {func(o *directory.Organization) { o.Domains = []string{"acme"} }, "domains"},
		"upper-case domain":  {func(o *directory.Organization) { o.Domains = []string{"Acme.example"} }, "domains"},
		"empty label":        {func(o *directory.Organization) { o.Domains = []string{"acme..example"} }, "domains"},
		"long domain":        {func(o *directory.Organization) { o.Domains = []string{strings.Repeat("a.", 127) + "ab"} }, "domains"},
		"domain twice":       {func(o *directory.Organization) { o.Domains = []string{"a.example", "a.example"} }, "domains"},
		"too many domains":   {func(o *directory.Organization) { o.Domains = make([]string, 101) }, "domains"},
		"root is no address": {func(o *directory.Organization) { o.RootEmail = "root" }, "root.email"},
		"unknown profile":    {func(o *directory.Organization) { o.Profile = "lax" }, "scim_profile"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			c.change(&o)
			wantInvalid(t, o.Validate(), c.field)
		})
	}
}

func TestConnection_Validate(t *testing.T) {
	good := directory.Connection{
		Issuer: "https://idp.example/realms/acme", ClientID: "client",
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic, Scopes: []string{"groups"}},
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*directory.Connection)
		field  string
	}{
		"no issuer":        {func(c *directory.Connection) { c.Issuer = "" }, "issuer"},
		"relative issuer":  {func(c *directory.Connection) { c.Issuer = "/issuer" }, "issuer"},
		"other scheme":     {func(c *directory.Connection) { c.Issuer = "ftp://idp.example" }, "issuer"},
		"issuer of nobody": {func(c *directory.Connection) { c.Issuer = "https://" }, "issuer"},
		"unreadable":       {func(c *directory.Connection) { c.Issuer = "https://idp example" }, "issuer"},
		"issuer's user":    {func(c *directory.Connection) { c.Issuer = "https://me@idp.example" }, "issuer"},
		"issuer's query":   {func(c *directory.Connection) { c.Issuer = "https://idp.example?a=b" }, "issuer"},
		"no client":        {func(c *directory.Connection) { c.ClientID = "" }, "client_id"},
		"long client":      {func(c *directory.Connection) { c.ClientID = strings.Repeat("c", 513) }, "client_id"},
		"unknown method":   {func(c *directory.Connection) { c.AuthMethod = "none" }, "auth_method"},
		"scope with space": {func(c *directory.Connection) { c.Scopes = []string{"a b"} }, "scopes"},
		"empty scope":      {func(c *directory.Connection) { c.Scopes = []string{""} }, "scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			connection := good
			c.change(&connection)
			wantInvalid(t, connection.Validate(), c.field)
		})
	}
}

func wantInvalid(t *testing.T, err error, field string) {
	t.Helper()
	got, ok := errors.AsType[*directory.Error](err)
	if !ok || got.Kind != directory.KindInvalid || got.Field != field {
		t.Errorf("error is %v, want an invalid %s", err, field)
	}
}

func TestExpired(t *testing.T) {
	session := directory.Session{Expires: 100}
	forever, token := directory.Token{}, directory.Token{Expires: 100}
	for now, want := range map[directory.Time]bool{99: false, 100: true, 101: true} {
		if session.Expired(now) != want || token.Expired(now) != want || forever.Expired(now) {
			t.Errorf("at %d: session %v, token %v, token without end %v", now, session.Expired(now), token.Expired(now), forever.Expired(now))
		}
	}
	if err := directory.ValidateTokenName("Entra"); err != nil {
		t.Error(err)
	}
	wantInvalid(t, directory.ValidateTokenName(""), "name")
}

func TestUser_Email(t *testing.T) {
	if got := (&directory.User{}).Email(); got != "" {
		t.Errorf("no address gives %q", got)
	}
	if got := (&directory.User{Emails: []string{"first", "second"}}).Email(); got != "first" {
		t.Errorf("the primary address is %q", got)
	}
}
