package oidc

import (
	"encoding/json"
	"slices"
	"testing"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/oidc/oidctest"
	"domicile/seal"
)

// TestFlow_changedMeanwhile: of what changes while somebody is at the provider, that counts on which the sign-in depends.
func TestFlow_changedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		change func(put *command.PutConnection)
		want   Reason
	}{
		"secret": {func(put *command.PutConnection) { put.PreviousSecret = put.ClientSecret }, ""},
		"end of the secret": {func(put *command.PutConnection) {
			put.SecretExpires = 1 << 60
		}, ""},
		"what is asked for": {func(put *command.PutConnection) {
			put.Scopes, put.Prompt, put.ResponseMode = []string{"groups"}, "consent", directory.ResponseFormPost
		}, ""},
		"way of authentication": {func(put *command.PutConnection) { put.AuthMethod = directory.AuthPost }, ""},
		"client":                {func(put *command.PutConnection) { put.ClientID = "another" }, ReasonConnectionChanged},
		"issuer":                {func(put *command.PutConnection) { put.Issuer += "/" }, ReasonConnectionChanged},
		"age":                   {func(put *command.PutConnection) { put.MaxAge = 60 }, ReasonConnectionChanged},
		"context":               {func(put *command.PutConnection) { put.ACRValues = []string{"phr"} }, ReasonConnectionChanged},
		"turned off":            {func(put *command.PutConnection) { put.Enabled = false }, ReasonConnectionChanged},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, command.SecondLevel)
			f.alice(nil)
			_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
			put := f.connection()
			test.change(put)
			f.must(put)
			_, err := f.service.Finish(t.Context(), callback)
			if test.want != "" {
				f.refused(err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// connection is the command that puts the connection as it is.
func (f *flow) connection() *command.PutConnection {
	f.t.Helper()
	held, ok := f.FSM.View().Connection(connection)
	if !ok {
		f.t.Fatal("the connection is gone")
	}
	return &command.PutConnection{
		ID: held.ID, Issuer: held.Issuer, ClientID: held.ClientID, ClientSecret: held.ClientSecret, Enabled: held.Enabled,
		ConnectionSettings: held.ConnectionSettings, PreviousSecret: held.PreviousSecret,
	}
}

// TestFlow_changedAtTheEnd: the same holds for what changes after the last look, when the session is written.
func TestFlow_changedAtTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		times  int
		change func(put *command.PutConnection)
		want   Reason
	}{
		"secret":          {2, func(*command.PutConnection) {}, ""},
		"again and again": {maxOpenings, func(*command.PutConnection) {}, ReasonConnectionChanged},
		"client":          {1, func(put *command.PutConnection) { put.ClientID = "another" }, ReasonConnectionChanged},
		"its domains":     {1, func(put *command.PutConnection) { put.Domains = []string{"acme.example"} }, ""},
		"others' domains": {1, func(put *command.PutConnection) { put.Domains = []string{"acme.test"} }, ReasonNotProvisioned},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, command.SecondLevel)
			f.alice(nil)
			left := test.times
			f.Before(func(c command.Command) error {
				if _, opens := c.Payload.(*command.OpenSession); opens && left > 0 {
					left--
					put := f.connection()
					put.ClientSecret = f.seal("newer still") // whatever changes, it has another version
					test.change(put)
					f.must(put)
				}
				return nil
			})
			_, err := f.signIn("alice@acme.example")
			if test.want != "" {
				f.refused(err, test.want)
			} else if err != nil {
				t.Error(err)
			}
			if sessions := slices.Collect(f.directory().Sessions()); (len(sessions) == 1) != (test.want == "") {
				t.Errorf("%d sessions", len(sessions))
			}
		})
	}
}

// TestTransaction_firstRelease: nodes of the first release wrote no fingerprint; they go by the version, as we do for theirs.
func TestTransaction_firstRelease(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	old := func(callback *Callback) {
		t.Helper()
		cookie := callback.Cookies[0]
		under, err := f.service.openTransaction(cookie.Name, cookie.Value)
		if err != nil {
			t.Fatal(err)
		}
		under.Trust = ""
		if text, _ := json.Marshal(under); slices.Contains(names(t, text), "trust") {
			t.Fatalf("%s", text)
		}
		if cookie.Value, err = f.service.sealTransaction(cookie.Name, under); err != nil {
			t.Fatal(err)
		}
	}
	_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	old(&callback)
	if _, err := f.service.Finish(t.Context(), callback); err != nil {
		t.Error(err)
	}
	_, callback = f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	old(&callback)
	f.connect(flowSecret, "")
	_, err := f.service.Finish(t.Context(), callback)
	f.refused(err, ReasonConnectionChanged)
}

func names(t *testing.T, object []byte) (names []string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		names = append(names, name)
	}
	return names
}

// TestFlow_spent: one exchange for each sign-in, whatever became of it. What failed before the code was sent, and was our
// fault, may come again.
func TestFlow_spent(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	_, callback := f.walk(StartRequest{Connection: connection}, "alice@acme.example")
	f.Cut(true)
	_, err := f.service.Finish(t.Context(), callback)
	f.refused(err, ReasonUnavailable)
	if err.(*Refusal).Spent {
		t.Error("a code that was not sent is spent")
	}
	f.Cut(false)
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.CodeReusable, oidctest.NonceOther}})
	_, err = f.service.Finish(t.Context(), callback)
	f.refused(err, ReasonTokenNonce)
	if !err.(*Refusal).Spent {
		t.Error("a code that was sent is not spent")
	}
	f.provider.Script(oidctest.Faults{Lasting: []oidctest.Fault{oidctest.CodeReusable}})
	f.provider.ResetRequests()
	_, err = f.service.Finish(t.Context(), callback)
	f.refused(err, ReasonReplayed)
	if n := f.provider.Count(oidctest.EndpointToken); n != 0 {
		t.Errorf("the provider was asked %d times more", n)
	}
	f.succeeds("alice@acme.example") // another sign-in of the same browser is another matter
}

func TestSpent(t *testing.T) {
	f := newLedger(t)
	now := f.Now()
	s := newSpent()
	if !s.use("a", now) || s.use("a", now) || !s.holds("a") || s.holds("b") {
		t.Error("a transaction is used once")
	}
	if s.use("a", now.Add(transactionLifetime)) {
		t.Error("forgotten while it may come again")
	}
	if !s.use("b", now.Add(2*transactionLifetime)) || s.use("b", now.Add(2*transactionLifetime)) || s.holds("a") {
		t.Error("not forgotten when it has expired")
	}
	for range 3 * maxSpent {
		s.use(seal.NewID(), now)
	}
	if n := len(s.young) + len(s.old); n > 2*maxSpent {
		t.Errorf("%d are remembered", n)
	}
}
