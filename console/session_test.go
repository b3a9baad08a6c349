package console_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// signIn gives a user a session through the connection, as the subject.
func (h *house) signIn(t *testing.T, c *directory.Connection, user directory.ResourceID, subject string) directory.SessionID {
	t.Helper()
	id := directory.SessionID(seal.NewID())
	_, cookie := seal.MintToken("dom_us_session_")
	_, transaction := seal.MintToken("t")
	h.ledger.Must(c.Organization, &command.OpenSession{
		ID: id, Hash: cookie, User: user, Connection: c.ID, ConnectionVersion: c.Version, Transaction: transaction,
		TransactionExpiry: directory.Time(h.ledger.Now().Add(time.Minute).UnixMicro()), Lifetime: time.Hour.Microseconds(),
		Issuer: c.Issuer, Subject: subject, SessionDetails: command.SessionDetails{Agent: "Firefox on Linux", Address: "192.0.2.7"},
	})
	return id
}

// signInLocal gives an address a session without an identity provider.
func (h *house) signInLocal(t *testing.T, org directory.OrganizationID, email string) directory.SessionID {
	t.Helper()
	id := directory.SessionID(seal.NewID())
	_, cookie := seal.MintToken("dom_us_session_")
	_, challenge := seal.MintToken("c")
	h.ledger.Must(org, &command.OpenLocalSession{
		ID: id, Hash: cookie, Email: email, User: directory.ResourceID(seal.NewID()), Challenge: challenge,
		ChallengeExpiry: directory.Time(h.ledger.Now().Add(time.Minute).UnixMicro()), Lifetime: time.Hour.Microseconds(),
	})
	return id
}

// connected is an organization with a connection and three invited users.
func (h *house) connected(t *testing.T, slug string) (*directory.Connection, []directory.ResourceID) {
	t.Helper()
	org := h.organization(t, slug)
	connection, _, err := h.PutConnection(t.Context(), actor, org, "", fields(consoletest.NewIssuer(t)))
	if err != nil {
		t.Fatal(err)
	}
	var users []directory.ResourceID
	for _, name := range []string{"ann", "bob", "cyd"} {
		user, err := h.InviteUser(t.Context(), actor, org, console.NewUser{Email: name + "@" + slug + ".example"})
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, user.ID)
	}
	return connection, users
}

func (h *house) sessions(t *testing.T, org directory.OrganizationID, q console.SessionQuery) []console.Session {
	t.Helper()
	var all []console.Session
	for {
		page, err := h.ListSessions(t.Context(), org, q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Sessions...)
		if q.Token = page.NextPageToken; q.Token == "" {
			return all
		}
	}
}

func TestSessions(t *testing.T) {
	h := newHouse(t)
	connection, users := h.connected(t, "acme")
	elsewhere, others := h.connected(t, "other")
	org := connection.Organization
	var ids []directory.SessionID
	for _, user := range users {
		for range 3 {
			ids = append(ids, h.signIn(t, connection, user, "subject of "+string(user)))
		}
	}
	foreign := h.signIn(t, elsewhere, others[0], "x")

	for _, size := range []int{0, 1, 2, 4} {
		all := h.sessions(t, org, console.SessionQuery{Paging: console.Paging{Size: size}})
		seen := make(map[directory.SessionID]bool)
		for _, session := range all {
			seen[session.ID] = true
		}
		if len(all) != len(ids) || len(seen) != len(ids) || all[0].UserName != "ann@acme.example" || all[0].Agent != "Firefox on Linux" {
			t.Fatalf("pages of %d give %d sessions, %d different: %+v", size, len(all), len(seen), all[0])
		}
	}
	if got := h.sessions(t, org, console.SessionQuery{User: users[1]}); len(got) != 3 || got[0].User != users[1] {
		t.Fatalf("of one user: %+v", got)
	}

	wantError(t, h.EndSession(t.Context(), actor, org, foreign), directory.KindNotFound, "")
	wantError(t, h.EndSession(t.Context(), actor, org, "nothing"), directory.KindNotFound, "")
	wantError(t, h.EndSessionsOf(t.Context(), actor, org, others[0]), directory.KindNotFound, "")
	wantError(t, h.EndAllSessions(t.Context(), actor, "nobody"), directory.KindNotFound, "")
	if err := h.EndSession(t.Context(), actor, org, ids[0]); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.EndSession(t.Context(), actor, org, ids[0]), directory.KindNotFound, "")
	if err := h.EndSessionsOf(t.Context(), actor, org, users[1]); err != nil {
		t.Fatal(err)
	}
	if got := h.sessions(t, org, console.SessionQuery{}); len(got) != 5 {
		t.Fatalf("%d sessions are left", len(got))
	}
	if err := h.EndAllSessions(t.Context(), actor, org); err != nil {
		t.Fatal(err)
	}
	if got := h.sessions(t, org, console.SessionQuery{}); len(got) != 0 || len(h.sessions(t, elsewhere.Organization, console.SessionQuery{})) != 1 {
		t.Fatalf("%d sessions are left, or another organization's ended", len(got))
	}
	h.ledger.Advance(2 * time.Hour)
	if got := h.sessions(t, elsewhere.Organization, console.SessionQuery{}); len(got) != 0 {
		t.Fatal("an expired session is listed")
	}
	for _, token := range []string{"AAAA", "MS4y", "eA", "MS4yLg==", "eC4yLmE"} {
		_, err := h.ListSessions(t.Context(), org, console.SessionQuery{Paging: console.Paging{Token: token}})
		wantError(t, err, directory.KindInvalid, "page_token")
	}
	_, err := h.ListSessions(t.Context(), org, console.SessionQuery{User: others[0]})
	wantError(t, err, directory.KindNotFound, "")
}

func TestLinks(t *testing.T) {
	h := newHouse(t)
	connection, users := h.connected(t, "acme")
	elsewhere, others := h.connected(t, "other")
	org := connection.Organization
	for _, user := range users {
		h.signIn(t, connection, user, "subject/"+string(user)+"\u00e4")
	}
	h.signIn(t, elsewhere, others[0], "x")

	var all []console.Link
	for token, first := "", true; first || token != ""; first = false {
		page, err := h.ListLinks(t.Context(), org, console.Paging{Size: 2, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		all, token = append(all, page.Links...), page.NextPageToken
	}
	if len(all) != 3 {
		t.Fatalf("links %+v", all)
	}
	hers, err := h.LinksOf(t.Context(), org, users[0])
	if err != nil || len(hers) != 1 || hers[0].UserName != "ann@acme.example" || hers[0].Issuer != connection.Issuer {
		t.Fatalf("hers %+v, %v", hers, err)
	}
	wantError(t, h.DeleteLink(t.Context(), actor, org, users[1], hers[0].ID), directory.KindNotFound, "")
	wantError(t, h.DeleteLink(t.Context(), actor, elsewhere.Organization, users[0], hers[0].ID), directory.KindNotFound, "")
	if err := h.DeleteLink(t.Context(), actor, org, users[0], hers[0].ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteLink(t.Context(), actor, org, users[0], hers[0].ID), directory.KindNotFound, "")
	if left, err := h.LinksOf(t.Context(), org, users[0]); err != nil || len(left) != 0 {
		t.Fatalf("left %+v, %v", left, err)
	}
	if got := h.sessions(t, org, console.SessionQuery{User: users[0]}); len(got) != 0 {
		t.Fatal("sessions outlive the link")
	}
	_, err = h.ListLinks(t.Context(), org, console.Paging{Token: "AAAA"})
	wantError(t, err, directory.KindInvalid, "page_token")
}

func TestAudit(t *testing.T) {
	h := newHouse(t)
	connection, users := h.connected(t, "acme")
	org := connection.Organization
	if err := h.EndSessionsOf(t.Context(), owner, org, users[0]); err != nil {
		t.Fatal(err)
	}
	h.claim(t, org, "acme.example")
	var rows []*directory.AuditRow
	for token, first := "", true; first || token != ""; first = false {
		page, err := h.ListAudit(t.Context(), org, console.Paging{Size: 1, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		rows, token = append(rows, page.Rows...), page.NextPageToken
	}
	if len(rows) < 3 || rows[0].Event != "domain.claimed" || rows[0].Actor != owner || rows[0].Subject != "acme.example" {
		t.Fatalf("rows %+v", rows)
	}
	if !slices.IsSortedFunc(rows, func(a, b *directory.AuditRow) int { return int(b.Seq) - int(a.Seq) }) {
		t.Fatal("not newest first")
	}
	for _, row := range rows {
		if strings.Contains(row.Detail, "hush") {
			t.Fatal("the audit log has a secret")
		}
	}
	_, err := h.ListAudit(t.Context(), org, console.Paging{Token: "AAAA"})
	wantError(t, err, directory.KindInvalid, "page_token")
}

// Who stood for the organization and does not any more is signed out.
func TestUpdateOrganization_signsFormerOut(t *testing.T) {
	h := newHouse(t)
	made, err := h.CreateOrganization(t.Context(), actor, console.NewOrganization{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, RootEmail: "root@acme.example",
		BreakGlass: []string{"A@acme.example", "b@it.acme.example"}, SessionLifetime: time.Hour, RequireSSO: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.SignIn.SessionLifetime != directory.Time(time.Hour.Microseconds()) || !made.SignIn.RequireSSO || made.BreakGlass[0] != "a@acme.example" {
		t.Fatalf("made %+v", made)
	}
	root, a, b := h.signInLocal(t, made.ID, "root@acme.example"), h.signInLocal(t, made.ID, "a@acme.example"), h.signInLocal(t, made.ID, "b@it.acme.example")
	left := func() (ids []directory.SessionID) {
		for _, session := range h.sessions(t, made.ID, console.SessionQuery{}) {
			ids = append(ids, session.ID)
		}
		return ids
	}
	name := "Acme 2"
	if _, err := h.UpdateOrganization(t.Context(), actor, made.ID, console.OrganizationChange{Name: &name}); err != nil || len(left()) != 3 {
		t.Fatalf("left %v, %v", left(), err)
	}
	list := []string{"b@it.acme.example"}
	if _, err := h.UpdateOrganization(t.Context(), actor, made.ID, console.OrganizationChange{BreakGlass: &list}); err != nil {
		t.Fatal(err)
	}
	if got := left(); slices.Contains(got, a) || !slices.Contains(got, root) || !slices.Contains(got, b) {
		t.Fatalf("left %v", got)
	}
	address := "new@acme.example"
	if _, err := h.UpdateOrganization(t.Context(), actor, made.ID, console.OrganizationChange{RootEmail: &address}); err != nil {
		t.Fatal(err)
	}
	if got := left(); !slices.Equal(got, []directory.SessionID{b}) {
		t.Fatalf("left %v", got)
	}
	view, err := h.ledger.View(t.Context(), state.Confirmed())
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Check(); err != nil {
		t.Fatal(err)
	}
}
