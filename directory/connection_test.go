package directory_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"domicile/directory"
)

const aDay = directory.Time(24 * 3600 * 1_000_000)

func TestConnectionSettings_Validate(t *testing.T) {
	good := directory.ConnectionSettings{
		AuthMethod: directory.AuthPrivateKey, Scopes: []string{"groups"}, ResponseMode: directory.ResponseFormPost, Prompt: "select_account",
		MaxAge: 365 * 24 * 3600, ACRValues: []string{"urn:acr:2", "https://refeds.org/profile/mfa"}, SharedRedirect: true, JustInTime: true,
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*directory.ConnectionSettings)
		kind   directory.Kind
		field  string
	}{
		"no method":       {func(s *directory.ConnectionSettings) { s.AuthMethod = "" }, directory.KindInvalid, "auth_method"},
		"long scope":      {func(s *directory.ConnectionSettings) { s.Scopes = []string{strings.Repeat("s", 201)} }, directory.KindInvalid, "scopes"},
		"too many scopes": {func(s *directory.ConnectionSettings) { s.Scopes = make([]string, 51) }, directory.KindTooLarge, "scopes"},
		"response mode":   {func(s *directory.ConnectionSettings) { s.ResponseMode = "fragment" }, directory.KindInvalid, "response_mode"},
		"prompt":          {func(s *directory.ConnectionSettings) { s.Prompt = "none" }, directory.KindInvalid, "prompt"},
		"negative age":    {func(s *directory.ConnectionSettings) { s.MaxAge = -1 }, directory.KindInvalid, "max_age"},
		"great age":       {func(s *directory.ConnectionSettings) { s.MaxAge = 365*24*3600 + 1 }, directory.KindInvalid, "max_age"},
		"empty acr":       {func(s *directory.ConnectionSettings) { s.ACRValues = []string{""} }, directory.KindInvalid, "acr_values"},
		"two acrs in one": {func(s *directory.ConnectionSettings) { s.ACRValues = []string{"a b"} }, directory.KindInvalid, "acr_values"},
		"long acr":        {func(s *directory.ConnectionSettings) { s.ACRValues = []string{strings.Repeat("a", 201)} }, directory.KindInvalid, "acr_values"},
		"too many acrs":   {func(s *directory.ConnectionSettings) { s.ACRValues = make([]string, 11) }, directory.KindTooLarge, "acr_values"},
	} {
		s := good
		c.change(&s)
		wantError(t, name, s.Validate(), c.kind, c.field)
	}
	for method, needs := range map[directory.AuthMethod]bool{directory.AuthBasic: true, directory.AuthPost: true, directory.AuthPrivateKey: false} {
		if method.NeedsSecret() != needs {
			t.Errorf("%s needs a secret: %v", method, !needs)
		}
	}
}

// trusted has every field of a connection, and whether a sign-in under way depends on it.
var trusted = map[string]bool{
	"ID": true, "Organization": true, "Created": true, // another one that was made in its place
	"Issuer": true, "ClientID": true, // whom we trust, and as whom; the ledger ends sessions by the same two
	"NamesIssuer": true, "SharedRedirect": true, // where answers come, and how they name who sends them
	"MaxAge": true, "ACRValues": true, // asked for at the start, and checked at the end

	"ClientSecret": false, "PreviousSecret": false, "SecretExpires": false, "Reminded": false, "AuthMethod": false, // shown to the provider
	"Scopes": false, "Prompt": false, "ResponseMode": false, // asked for, and not checked
	"Enabled": false, "JustInTime": false, "Domains": false, // as they are at the end
	"Algorithm": false, "AlgorithmOffered": false, // judged when the token is there, by what the connection keeps to then
	"Modified": false, "Version": false,
}

// A new field has to be put into the table above, and into the fingerprint if it belongs there.
func TestConnection_Trust(t *testing.T) {
	original := directory.Connection{ID: "id", Issuer: "https://idp.example", ClientID: "client"}
	seen := 0
	for _, field := range reflect.VisibleFields(reflect.TypeFor[directory.Connection]()) {
		if field.Anonymous {
			continue
		}
		depends, known := trusted[field.Name]
		if !known {
			t.Errorf("does a sign-in under way depend on %s?", field.Name)
			continue
		}
		seen++
		changed := original
		value := reflect.ValueOf(&changed).Elem().FieldByIndex(field.Index)
		switch value.Kind() {
		case reflect.String:
			value.SetString("other")
		case reflect.Bool:
			value.SetBool(true)
		case reflect.Int64:
			value.SetInt(7)
		case reflect.Uint64, reflect.Uint8:
			value.SetUint(7)
		case reflect.Slice:
			value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		default:
			t.Fatalf("%s is a %s", field.Name, value.Kind())
		}
		if differs := changed.Trust() != original.Trust(); differs != depends {
			t.Errorf("with another %s the fingerprint differs: %v", field.Name, differs)
		}
	}
	if seen != len(trusted) {
		t.Errorf("%d fields of %d", seen, len(trusted))
	}
	two, one := original, original
	two.ACRValues, one.ACRValues = []string{"a", "b"}, []string{"a b"}
	if two.Trust() == one.Trust() {
		t.Error("two values are as one")
	}
}

func TestConnection_ByCertificate(t *testing.T) {
	for _, test := range []struct {
		issuer string
		method directory.AuthMethod
		want   bool
	}{
		{"https://login.microsoftonline.com/7a9b1c1e-0000-4000-8000-000000000001/v2.0", directory.AuthPrivateKey, true},
		{"https://sts.windows.net/7a9b1c1e-0000-4000-8000-000000000001/", directory.AuthPrivateKey, true},
		{"https://login.microsoftonline.com/7a9b1c1e-0000-4000-8000-000000000001/v2.0", directory.AuthPost, false},
		{"https://acme.okta.com", directory.AuthPrivateKey, false},
		{"https://login.microsoftonline.com.evil.example/", directory.AuthPrivateKey, false},
	} {
		c := directory.Connection{Issuer: test.issuer, ConnectionSettings: directory.ConnectionSettings{AuthMethod: test.method}}
		if got := c.ByCertificate(); got != test.want {
			t.Errorf("%s with %s: %v", test.issuer, test.method, got)
		}
	}
}

func TestConnection_RemindersDue(t *testing.T) {
	const end = 100 * aDay
	c := directory.Connection{SecretExpires: end}
	for now, want := range map[directory.Time]uint8{
		0: 0, end - 30*aDay - 1: 0, end - 30*aDay: 1, end - 14*aDay - 1: 1, end - 14*aDay: 2, end - 7*aDay: 3, end - aDay - 1: 3, end - aDay: 4, 2 * end: 4,
	} {
		if got := c.RemindersDue(now); got != want {
			t.Errorf("%d days before the end %d reminders are due, want %d", (end-now)/aDay, got, want)
		}
	}
	if got := new(directory.Connection).RemindersDue(end); got != 0 {
		t.Errorf("%d reminders of an end that is not known", got)
	}
}

func wantError(t *testing.T, name string, err error, kind directory.Kind, field string) {
	t.Helper()
	got, ok := errors.AsType[*directory.Error](err)
	if !ok || got.Kind != kind || got.Field != field {
		t.Errorf("%s: error is %v, want %s %s", name, err, kind, field)
	}
}
