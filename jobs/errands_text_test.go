package jobs

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/httpapi/admin"
	"domicile/httpapi/openapi"
)

// sent gives the addresses of an errand's mails, and what the owner or the operators read.
func (w *world) sent(e *directory.Errand) (to []string, subject, text string) {
	w.Helper()
	region := directory.Region{ID: "us", Name: "United States", URL: "https://us.example.com"}
	for _, l := range (teller{region, []string{"review@saas.example", "desk@saas.example"}}).letters(w.FSM.View(), e) {
		if subject != "" && l.Subject != subject {
			w.Errorf("two people read two mails: %s, %s", subject, l.Subject)
		}
		to, subject = append(to, l.To), l.Subject
		if l.To == "rosa@acme.example" || strings.HasSuffix(l.To, "@saas.example") {
			text = l.Text
		}
	}
	return to, subject, text
}

// Each errand reaches those whom it concerns, names the region, and says what happened, what to do and where.
func TestLetters(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "rosa@acme.example")
	w.breakGlass("acme", "rosa@acme.example", "ana@acme.example", "bo@acme.example")
	w.connection("acme", "idp", 0)
	w.Must("acme", &command.PutRequest{ID: "r1", Connection: "idp2", RequestChoices: directory.RequestChoices{
		Issuer: "https://login.example", ClientID: "c", ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthBasic},
	}})
	w.Must("acme", &command.StepRequest{ID: "r1", To: directory.RequestSubmitted})
	w.Must("acme", &command.StepRequest{ID: "r1", To: directory.RequestReturned, Note: "Please ask for a smaller set of scopes."})
	operators := []string{"desk@saas.example", "review@saas.example"}
	owner := []string{"rosa@acme.example"}
	keepers := []string{"ana@acme.example", "bo@acme.example", "rosa@acme.example"}
	for _, tc := range []struct {
		kind            directory.ErrandKind
		subject, detail string
		to              []string
		want            []string
	}{
		{directory.ErrandRequest, "r1", "submitted", operators, []string{"through https://login.example", "/connection-requests/r1\n"}},
		{directory.ErrandRequest, "r1", "draft", owner, []string{"taken back"}},
		{directory.ErrandRequest, "r1", "changes_requested", owner, []string{"The reviewer says: Please ask for a smaller set of scopes.\n"}},
		{directory.ErrandRequest, "r1", "approved", owner, []string{"not in force yet"}},
		{directory.ErrandRequest, "r1", "active", owner, []string{"from now on"}},
		{directory.ErrandRequest, "r1", "disabled", owner, []string{"any more"}},
		{directory.ErrandRequest, "gone", "disabled", owner, []string{"through an identity provider any more"}},
		{directory.ErrandSecret, "idp", "2026-12-01T12:00:00Z", owner, []string{
			"to https://idp.example is valid until 2026-12-01 12:00:00 UTC.", "/connections/idp\n"}},
		{directory.ErrandBreakGlass, "ana@acme.example", "", keepers, []string{"ana@acme.example signed in", "/sessions\n"}},
		{directory.ErrandBreakGlassList, "", "", keepers, []string{"is another one now", "/organizations/acme\n"}},
		{directory.ErrandBreakGlassList, "", "bo@acme.example, old@acme.example", []string{
			"ana@acme.example", "bo@acme.example", "old@acme.example", "rosa@acme.example"}, nil},
		{directory.ErrandDomain, "acme.example", "verified", owner, []string{"DNS record of acme.example was found", "/domains/acme.example\n"}},
		{directory.ErrandDomain, "acme.example", "missed", owner, []string{"TXT record at _domicile-challenge.acme.example"}},
		{directory.ErrandDomain, "acme.example", "lost", owner, []string{"missing for a week"}},
		{directory.ErrandCredentials, "ana@acme.example", "passkey added", []string{"ana@acme.example", "rosa@acme.example"}, []string{
			"for ana@acme.example: passkey added."}},
		{directory.ErrandConnection, "idp", "client_secret, disabled", owner, []string{
			"at connection idp of The acme, to https://idp.example: client_secret, disabled.", "/audit\n"}},
		{directory.ErrandConnection, "idp", directory.DetailAlgorithmOffered, owner, []string{
			"https://idp.example sent The acme a token", "accept the algorithm", "/connections/idp\n"}},
		{directory.ErrandConnection, "idp", directory.DetailAlgorithmMoved, owner, []string{
			"https://idp.example signs the tokens for The acme", "announces the one before no longer", "/connections/idp\n"}},
		{directory.ErrandDomain, "acme.example", "painted", nil, nil},
		{99, "x", "", nil, nil},
	} {
		e := &directory.Errand{Seq: 7, Ordinal: 1, At: stamp(w.Now()), Kind: tc.kind, Organization: "acme", Subject: tc.subject, Detail: tc.detail}
		to, subject, text := w.sent(e)
		if !slices.Equal(to, tc.to) {
			t.Errorf("%s %s goes to %v, want %v", kindOf(e), tc.detail, to, tc.to)
		}
		if tc.to == nil {
			continue
		}
		for _, want := range append(tc.want, "The acme, region United States (us), 2026-11-22 12:00:00 UTC\n", "\nWhat happened: ", "\nWhat to do: ",
			"\nWhere:\n    GET https://us.example.com/api/v1/organizations/acme") {
			if !strings.Contains(text, want) {
				t.Errorf("%s %s lacks %q:\n%s", kindOf(e), tc.detail, want, text)
			}
		}
		if strings.ContainsAny(subject+text, "{}") || subject == "" {
			t.Errorf("%s %s has holes: %s\n%s", kindOf(e), tc.detail, subject, text)
		}
		if strings.Contains(text, "reviewer says") != (tc.detail == "changes_requested") {
			t.Errorf("%s %s: somebody else's note:\n%s", kindOf(e), tc.detail, text)
		}
	}
}

// Whoever is told besides the owner is sent where a break-glass session may look, or nowhere.
func TestLetters_besidesTheOwner(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "rosa@acme.example")
	w.breakGlass("acme", "rosa@acme.example", "ana@acme.example", "bo@acme.example")
	const where = "\nWhere:\n    GET https://us.example.com/api/v1/organizations/acme"
	for _, tc := range []struct {
		kind            directory.ErrandKind
		subject, detail string
		want            map[string]string // what a mail says of where
	}{
		{directory.ErrandBreakGlass, "ana@acme.example", "", map[string]string{
			"rosa@acme.example": where + "/sessions\n", "ana@acme.example": where + "/connection-requests\n", "bo@acme.example": where + "/connection-requests\n"}},
		{directory.ErrandBreakGlassList, "", "old@acme.example", map[string]string{
			"rosa@acme.example": where + "\n", "ana@acme.example": where + "\n", "bo@acme.example": where + "\n", "old@acme.example": ""}},
		{directory.ErrandCredentials, "bo@acme.example", "passkey added", map[string]string{"rosa@acme.example": where + "/audit\n", "bo@acme.example": ""}},
		{directory.ErrandCredentials, "guest@contractor.org", "passkey added", map[string]string{"rosa@acme.example": where + "/audit\n", "guest@contractor.org": ""}},
	} {
		e := &directory.Errand{Seq: 7, Kind: tc.kind, Organization: "acme", Subject: tc.subject, Detail: tc.detail}
		letters := (teller{region: directory.Region{ID: "us", URL: "https://us.example.com"}}).letters(w.FSM.View(), e)
		if len(letters) != len(tc.want) {
			t.Errorf("%s: %d letters", kindOf(e), len(letters))
		}
		for _, l := range letters {
			want := tc.want[l.To]
			if !strings.HasSuffix(l.Text, want) || (want == "") == strings.Contains(l.Text, "Where:") {
				t.Errorf("%s to %s:\n%s", kindOf(e), l.To, l.Text)
			}
			if owns := l.To == "rosa@acme.example"; owns == strings.Contains(l.Text, "tell the owner of The acme") && kindOf(e) != "credentials" || strings.ContainsAny(l.Text, "{}") {
				t.Errorf("%s to %s:\n%s", kindOf(e), l.To, l.Text)
			}
		}
	}
}

func TestLetters_nobodyToTell(t *testing.T) {
	w := newWorld(t)
	w.organization("mute", "")
	for _, e := range []directory.Errand{
		{Kind: directory.ErrandDomain, Organization: "mute", Subject: "mute.example", Detail: "lost"},
		{Kind: directory.ErrandDomain, Organization: "gone", Subject: "gone.example", Detail: "lost"},
	} {
		if to, _, _ := w.sent(&e); to != nil {
			t.Errorf("%s goes to %v", e.Organization, to)
		}
	}
}

// A letter about an errand is the same letter, whoever sends it.
func TestLetters_sameID(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "rosa@acme.example")
	ids := make(map[string]bool)
	for range 2 {
		for _, ordinal := range []uint32{0, 1} {
			e := &directory.Errand{Seq: 7, Ordinal: ordinal, Kind: directory.ErrandDomain, Organization: "acme", Detail: "lost"}
			for _, l := range (teller{}).letters(w.FSM.View(), e) {
				ids[l.ID] = true
			}
		}
		w.Advance(time.Hour)
	}
	if len(ids) != 2 || !ids["errand.acme.7.1"] {
		t.Errorf("ids are %v", ids)
	}
}

// Every state of a request and of a domain has a text, and every kind a name of its own.
func TestNotices_complete(t *testing.T) {
	has := func(kind directory.ErrandKind, detail string) bool {
		return slices.ContainsFunc(notices[:], func(n notice) bool { return n.kind == kind && (n.detail == "" || n.detail == detail) })
	}
	for state := directory.RequestState(0); state.Valid(); state++ {
		if !has(directory.ErrandRequest, state.String()) {
			t.Errorf("nobody is told that a request is %s", state)
		}
	}
	names := make(map[string]bool)
	for kind := directory.ErrandRequest; kind <= directory.ErrandConnection; kind++ {
		names[kindOf(&directory.Errand{Kind: kind})] = true
		if kind != directory.ErrandLogout && kind != directory.ErrandSetup && !has(kind, directory.DomainLost.String()) && kind != directory.ErrandRequest {
			t.Errorf("nobody is told of kind %d", kind)
		}
	}
	if len(names) != 9 || names["unknown"] || kindOf(&directory.Errand{Kind: 200}) != "unknown" {
		t.Errorf("kinds are called %v", names)
	}
}

// What the mails point at is there, and open to those who read them.
func TestNotices_pointAtRoutes(t *testing.T) {
	least := make(map[string]openapi.Role)
	for _, route := range admin.Routes(admin.Deps{}) {
		if route.Method == http.MethodGet {
			least[parameter.ReplaceAllString(route.Path, "*")] = route.Least
		}
	}
	opens := func(reader openapi.Role, where string) bool {
		role, known := least["/api/v1/organizations/*"+strings.ReplaceAll(where, "{subject}", "*")]
		return known && reader.May(role)
	}
	for _, n := range notices {
		if !opens(openapi.Owner, n.where) {
			t.Errorf("%q: the owner gets no %s", n.subject, n.where)
		}
	}
	for kind, others := range asides {
		if others.where != nowhere && !opens(openapi.BreakGlass, others.where) {
			t.Errorf("kind %d: a break-glass session gets no %s", kind, others.where)
		}
	}
}

var parameter = regexp.MustCompile(`:\w+`)
