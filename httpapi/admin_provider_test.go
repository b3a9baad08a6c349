package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// signedBy signs the estate's person in by a token of some algorithm.
func (e *estate) signedBy(algorithm string) {
	e.office.t.Helper()
	connection, _ := e.view().Connection(directory.ConnectionID(e.names["connection"]))
	_, hash := seal.MintToken("dom_us_session_")
	_, transaction := seal.MintToken("t")
	e.propose(&command.OpenSession{
		ID: directory.SessionID(seal.NewID()), Hash: hash, User: directory.ResourceID(e.names["user"]), Connection: connection.ID,
		ConnectionVersion: connection.Version, Transaction: transaction, TransactionExpiry: directory.Time(time.Now().Add(time.Minute).UnixMicro()),
		Lifetime: time.Hour.Microseconds(), Issuer: connection.Issuer, Subject: "subject of ann", Algorithm: algorithm,
	})
}

func (e *estate) offered(algorithm string) {
	e.office.t.Helper()
	e.propose(&command.OfferAlgorithm{Connection: directory.ConnectionID(e.names["connection"]), Algorithm: algorithm})
}

func TestConnections_algorithm(t *testing.T) {
	o := newOffice(t)
	e, other := o.estate("acme"), o.estate("other")
	path := e.path + "/connections/" + e.names["connection"]
	pin := func(session, algorithm string) ask {
		return ask{method: "POST", path: path + "/algorithm", session: session, body: fmt.Sprintf(`{"algorithm":%q}`, algorithm)}
	}
	shows := func(got map[string]any, algorithm, offered string) {
		t.Helper()
		if got["algorithm"] != algorithm || got["algorithm_offered"] != offered {
			t.Errorf("algorithm %v, offered %v; want %q, %q", got["algorithm"], got["algorithm_offered"], algorithm, offered)
		}
	}
	shows(o.must(http.StatusOK, ask{method: "GET", path: path}), "", "")
	o.refused(pin(e.owner, "RS256"), http.StatusConflict, "algorithm")
	e.signedBy("RS256")
	e.offered("ES256")
	shows(o.must(http.StatusOK, ask{method: "GET", path: path, session: e.owner}), "RS256", "ES256")

	o.refused(pin(e.owner, "PS256"), http.StatusConflict, "algorithm")
	o.refused(pin(e.owner, strings.Repeat("x", 17)), http.StatusBadRequest, "algorithm")
	for body, field := range map[string]string{
		`{}`: "algorithm", `{"algorithm":null}`: "algorithm", `{"algorithm":["ES256"]}`: "algorithm", `{"algorithm":"ES256","alg":"x"}`: "alg",
	} {
		o.refused(ask{method: "POST", path: path + "/algorithm", session: e.owner, body: body}, http.StatusBadRequest, field)
	}
	o.refused(pin(other.owner, "ES256"), http.StatusNotFound, "")
	o.refused(pin(e.person, "ES256"), http.StatusForbidden, "")
	foreign := ask{method: "POST", path: e.path + "/connections/" + other.names["connection"] + "/algorithm", session: e.owner, body: `{"algorithm":""}`}
	o.refused(foreign, http.StatusNotFound, "")
	shows(o.must(http.StatusOK, ask{method: "GET", path: path}), "RS256", "ES256")

	shows(o.must(http.StatusOK, pin(e.owner, "RS256")), "RS256", "") // declined
	e.offered("ES256")
	shows(o.must(http.StatusOK, pin(e.breakGlass, "ES256")), "ES256", "")
	shows(o.must(http.StatusOK, pin(e.breakGlass, "ES256")), "ES256", "") // replayed
	shows(o.must(http.StatusOK, pin("", "")), "", "")
	e.signedBy("EdDSA")
	put := func(client string) map[string]any {
		t.Helper()
		issuer := o.must(http.StatusOK, ask{method: "GET", path: path})["issuer"]
		return o.must(http.StatusOK, ask{method: "PUT", path: path, body: fmt.Sprintf(`{"issuer":%q,"client_id":%q,"client_secret":"x"}`, issuer, client)})
	}
	shows(put("acme"), "EdDSA", "")
	shows(put("another"), "", "")
	shows(o.must(http.StatusOK, ask{method: "GET", path: path}), "", "")

	rows := o.must(http.StatusOK, ask{method: "GET", path: e.path + "/audit", session: e.owner})["audit"].([]any)
	var told []string
	for _, row := range rows {
		if row := row.(map[string]any); row["event"] == "connection.algorithm" {
			told = append(told, fmt.Sprint(row["detail"]))
		}
	}
	want := []string{"EdDSA", "none, before ES256", "ES256, before RS256", "RS256", "RS256"}
	if !slices.Equal(told, want) {
		t.Errorf("audit %q", told)
	}
}

func TestProviders(t *testing.T) {
	o := newOffice(t)
	list := func(query string) []any {
		t.Helper()
		return o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/providers" + query})["providers"].([]any)
	}
	if all := list(""); len(all) != 0 {
		t.Fatalf("providers %v", all)
	}
	e := o.estate("acme")
	connection, _ := e.view().Connection(directory.ConnectionID(e.names["connection"]))
	at := directory.Time(time.Now().Add(-time.Hour).UnixMicro())
	keep := func(issuer, text string, moves ...directory.ProviderMove) {
		t.Helper()
		put := &command.PutProvider{Issuer: issuer, Document: directory.ProviderMetadata, Text: text, Fetched: at, Moves: moves}
		if p, ok := e.view().Provider(issuer); ok {
			put.Seen = p.Metadata.Hash()
		}
		o.ledger.Must("", put)
		at++
	}
	keep(connection.Issuer, "{}")
	keep(connection.Issuer, `{"canary":1}`, directory.ProviderMove{Endpoint: "jwks_uri", From: "one.example", To: "two.example"})
	keep(connection.Issuer, "{ }", directory.ProviderMove{Endpoint: "token_endpoint", From: "one.example"})
	keep("https://a.example", "{}")
	keep("https://b.example/?x=1&y=é", "{}")

	exact := list("?issuer=" + url.QueryEscape(connection.Issuer))
	if len(exact) != 1 {
		t.Fatalf("providers %v", exact)
	}
	got := exact[0].(map[string]any)
	stamp := func(back directory.Time) string {
		return time.UnixMicro(int64(at - back)).UTC().Format(time.RFC3339Nano)
	}
	if got["connection_count"] != 1.0 || got["keys_fetched_at"] != nil || got["fetched_at"] == nil ||
		!sameJSON(got["connections"], []map[string]any{{"organization": e.id, "id": connection.ID, "enabled": true}}) ||
		!sameJSON(got["moves"], []map[string]any{
			{"endpoint": "token_endpoint", "from": "one.example", "to": "", "at": stamp(3)},
			{"endpoint": "jwks_uri", "from": "one.example", "to": "two.example", "at": stamp(4)},
		}) || strings.Contains(fmt.Sprint(got), "canary") {
		t.Fatalf("provider %v", got)
	}
	var issuers []any
	for token := ""; ; {
		page := o.must(http.StatusOK, ask{method: "GET", path: "/api/v1/providers?page_size=1&page_token=" + url.QueryEscape(token)})
		for _, p := range page["providers"].([]any) {
			issuers = append(issuers, p.(map[string]any)["issuer"])
		}
		next, more := page["next_page_token"].(string)
		if token = next; !more {
			break
		}
	}
	if want := []any{connection.Issuer, "https://a.example", "https://b.example/?x=1&y=é"}; !slices.Equal(issuers, want) {
		t.Errorf("issuers %q", issuers)
	}
	if unknown := list("?issuer=https%3A%2F%2Funknown.example"); len(unknown) != 0 {
		t.Errorf("providers %v", unknown)
	}
	o.refused(ask{method: "GET", path: "/api/v1/providers?page_size=0x"}, http.StatusBadRequest, "page_size")
	o.refused(ask{method: "GET", path: "/api/v1/providers?page_token=%25"}, http.StatusBadRequest, "page_token")
	for _, session := range []string{e.owner, e.breakGlass, e.person} {
		o.refused(ask{method: "GET", path: "/api/v1/providers", session: session}, http.StatusUnauthorized, "")
	}
	if got := o.do(ask{method: "GET", path: "/api/v1/providers", token: "-"}); got.status != http.StatusUnauthorized {
		t.Errorf("nobody is answered %d", got.status)
	}
}
