package directory_test

import (
	"errors"
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
