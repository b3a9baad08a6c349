package directory_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"domicile/directory"
)

func TestReplaceUserName(t *testing.T) {
	for in, want := range map[string]string{
		`{"userName":"a"}`: `{"userName":"new@x"}`,
		`{"schemas":["urn:a"],"externalId":"e","userName":"a\"b","active":true}`: `{"schemas":["urn:a"],"externalId":"e","userName":"new@x","active":true}`,
		`{"externalId":"\"userName\":","userName":"a"}`:                          `{"externalId":"\"userName\":","userName":"new@x"}`,
		`{"name":{"userName":"inner"},"userName":"a"}`:                           `{"name":{"userName":"inner"},"userName":"new@x"}`,
		`{"a":["userName",{"userName":"inner"}], "userName" : "a" , "b":1}`:      `{"a":["userName",{"userName":"inner"}], "userName" : "new@x" , "b":1}`,
		`{"displayName":"userName","userName":"a"}`:                              `{"displayName":"userName","userName":"new@x"}`,
		`{"x\\":"y","userName":"a\\"}`:                                           `{"x\\":"y","userName":"new@x"}`,
	} {
		got, ok := directory.ReplaceUserName(in, "new@x")
		if !ok || got != want {
			t.Errorf("%s becomes %s (%v), want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{``, `{}`, `{"name":{"userName":"inner"}}`, `{"userName":1}`, `{"userName"`, `{"displayName":"userName"}`, `"userName":"a"`} {
		if got, ok := directory.ReplaceUserName(in, "new@x"); ok || got != in {
			t.Errorf("%s becomes %s", in, got)
		}
	}
}

// FuzzReplaceUserName: whatever the document is, the result is as valid as it was and differs in the name only.
func FuzzReplaceUserName(f *testing.F) {
	f.Add(`{"schemas":["urn:a"],"userName":"a","name":{"userName":"b"}}`, "ann@x")
	f.Add(`{"a\"":[{"b":"\\"}],"userName":"a"}`, "a\"\\\x00\n\u2028é")
	f.Fuzz(func(t *testing.T, document, name string) {
		got, ok := directory.ReplaceUserName(document, name)
		var before, after map[string]json.RawMessage
		if !ok && got != document {
			t.Error("nothing was replaced, and the document differs")
		}
		if !ok || !utf8.ValidString(name) || json.Unmarshal([]byte(document), &before) != nil {
			return
		}
		if err := json.Unmarshal([]byte(got), &after); err != nil {
			t.Fatalf("%s is no JSON any more: %s: %v", document, got, err)
		}
		if strings.Count(document, `"userName"`) > 1 {
			return // of two equal names a decoder takes the last
		}
		var written string
		if err := json.Unmarshal(after["userName"], &written); err != nil || written != name {
			t.Errorf("the name is %q, want %q (%v)", written, name, err)
		}
		for key, value := range before {
			if key != "userName" && string(after[key]) != string(value) {
				t.Errorf("%s was %s and is %s", key, value, after[key])
			}
		}
	})
}

func TestRenameTarget(t *testing.T) {
	for name, c := range map[string]struct {
		user  directory.User
		moves bool
	}{
		"other name":   {directory.User{Source: directory.SourceSCIM, UserNameKey: "a", Emails: []string{"a@x", "b@x"}}, true},
		"invited":      {directory.User{Source: directory.SourceInvited, UserNameKey: "a", Emails: []string{"a@x"}}, true},
		"root":         {directory.User{Source: directory.SourceRoot, UserNameKey: "a", Emails: []string{"a@x"}}, false},
		"so already":   {directory.User{Source: directory.SourceSCIM, UserNameKey: "a@x", Emails: []string{"a@x"}}, false},
		"second only":  {directory.User{Source: directory.SourceSCIM, UserNameKey: "b@x", Emails: []string{"a@x", "b@x"}}, true},
		"nothing else": {directory.User{Source: directory.SourceSCIM, UserNameKey: "a"}, false},
	} {
		if to, moves := c.user.RenameTarget(); moves != c.moves || moves && to != "a@x" {
			t.Errorf("%s: %q %v", name, to, moves)
		}
	}
}

func TestSyncMethod_names(t *testing.T) {
	want := []string{"", "GET", "POST", "PUT", "PATCH", "DELETE", "convert", "rename", "restore", "erase", ""}
	for i, name := range want {
		if got := directory.SyncMethod(i).String(); got != name {
			t.Errorf("method %d is %q, want %q", i, got, name)
		}
		if m, ok := directory.ParseSyncMethod(name); ok != (name != "") || ok && m != directory.SyncMethod(i) {
			t.Errorf("%q is read as %d %v", name, m, ok)
		}
	}
}

// The widest row that somebody may send fits after Fit, and what fits stays as it is.
func TestSyncRow_Fit(t *testing.T) {
	long := strings.Repeat("é", 5000)
	list := make([]string, 99)
	for i := range list {
		list[i] = long
	}
	row := directory.SyncRow{
		Actor: long, Resource: long, ID: directory.ResourceID(long), Name: long, Detail: long, ScimType: long, Document: long,
		SyncNote: directory.SyncNote{Request: long, Client: long, Operations: long, Changes: list, Courtesies: list},
	}
	fit := row.Fit()
	for name, c := range map[string]struct {
		text string
		max  int
	}{
		"actor": {fit.Actor, 200}, "resource": {fit.Resource, 64}, "id": {string(fit.ID), 128}, "name": {fit.Name, 200},
		"detail": {fit.Detail, 500}, "type": {fit.ScimType, 64}, "request": {fit.Request, 64}, "client": {fit.Client, 80},
		"operations": {fit.Operations, 2048}, "change": {fit.Changes[29], 200}, "courtesy": {fit.Courtesies[19], 200},
	} {
		if len(c.text) > c.max || len(c.text) < c.max-5 || !utf8.ValidString(c.text) || !strings.HasSuffix(c.text, "…") {
			t.Errorf("%s has %d bytes: %q", name, len(c.text), c.text)
		}
	}
	if len(fit.Changes) != 30 || len(fit.Courtesies) != 20 || fit.Document != "" || list[0] != long {
		t.Errorf("%d changes, %d courtesies, %d bytes of document", len(fit.Changes), len(fit.Courtesies), len(fit.Document))
	}
	again := fit.Fit()
	if again.Detail != fit.Detail || len(again.Changes) != 30 {
		t.Error("a row that fits was cut again")
	}
	bare := fit.Bare()
	if bare.Text() != 0 || bare.Name != fit.Name || bare.Changes[3] != fit.Changes[3] || fit.Text() == 0 {
		t.Errorf("the bare row is %+v", bare)
	}
}
