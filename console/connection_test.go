package console_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/directory"
	"domicile/seal"
)

func fields(issuer *consoletest.Issuer) console.ConnectionFields {
	return console.ConnectionFields{
		Registration: console.Registration{
			Issuer: issuer.URL, ClientID: "domicile", ClientSecret: seal.NewSecret("hush"),
			ConnectionSettings: directory.ConnectionSettings{Scopes: []string{"groups"}},
		},
		Enabled: true,
	}
}

// secretOf opens what the ledger holds, at the place where it must have been sealed.
func (h *house) secretOf(t *testing.T, c *directory.Connection) string {
	t.Helper()
	secret, err := h.keyring.Open(seal.Place{
		Region: "us", Cluster: "cluster-1", Organization: string(c.Organization), Row: string(c.ID), Field: "client_secret",
	}, c.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

func TestPutConnection(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	made, discovery, err := h.PutConnection(t.Context(), actor, org, "", fields(issuer))
	if err != nil {
		t.Fatal(err)
	}
	if discovery.TokenEndpoint != issuer.URL+"/token" || made.AuthMethod != directory.AuthBasic || made.Created == 0 {
		t.Fatalf("made %+v with %+v", made, discovery)
	}
	got, err := h.GetConnection(t.Context(), org, made.ID)
	if err != nil || h.secretOf(t, got) != "hush" {
		t.Fatalf("got %+v, %v", got, err)
	}

	kept := fields(issuer)
	kept.ClientSecret, kept.Enabled, kept.AuthMethod = seal.Secret{}, false, directory.AuthPost
	if _, _, err := h.PutConnection(t.Context(), actor, org, made.ID, kept); err != nil {
		t.Fatal(err)
	}
	got, err = h.GetConnection(t.Context(), org, made.ID)
	if err != nil || h.secretOf(t, got) != "hush" || got.Enabled || got.AuthMethod != directory.AuthPost || got.Created != made.Created {
		t.Fatalf("kept %+v, %v", got, err)
	}

	all, err := h.ListConnections(t.Context(), org)
	if err != nil || len(all) != 1 {
		t.Fatalf("listed %v, %v", all, err)
	}
	if err := h.DeleteConnection(t.Context(), actor, org, made.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DeleteConnection(t.Context(), actor, org, made.ID), directory.KindNotFound, "")
	_, err = h.GetConnection(t.Context(), org, made.ID)
	wantError(t, err, directory.KindNotFound, "")
}

func TestAttack44_connectionKeepsNoSecretForAnother(t *testing.T) {
	h, issuer, other := newHouse(t), consoletest.NewIssuer(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	made, _, err := h.PutConnection(t.Context(), actor, org, "", fields(issuer))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*console.ConnectionFields){
		"another issuer":    func(f *console.ConnectionFields) { f.Issuer = other.URL },
		"another client id": func(f *console.ConnectionFields) { f.ClientID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			f := fields(issuer)
			f.ClientSecret = seal.Secret{}
			change(&f)
			_, _, err := h.PutConnection(t.Context(), actor, org, made.ID, f)
			wantError(t, err, directory.KindInvalid, "client_secret")
			f.ClientSecret = seal.NewSecret("new")
			put, _, err := h.PutConnection(t.Context(), actor, org, made.ID, f)
			if err != nil || h.secretOf(t, put) != "new" {
				t.Fatalf("put %+v, %v", put, err)
			}
		})
	}
}

// Of two connections each has its own domains, which stay with it whatever else is changed.
func TestPutConnection_domains(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	in := fields(issuer)
	in.Domains = []string{" Acme.Example", "acme.test"}
	first, _, err := h.PutConnection(t.Context(), actor, org, "", in)
	if err != nil || !slices.Equal(first.Domains, []string{"acme.example", "acme.test"}) {
		t.Fatalf("put %+v, %v", first, err)
	}
	if _, err := h.RotateSecret(t.Context(), actor, org, first.ID, console.NewSecret{Secret: seal.NewSecret("newer")}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.GetConnection(t.Context(), org, first.ID); err != nil || len(got.Domains) != 2 {
		t.Fatalf("rotated %+v, %v", got, err)
	}
	in.ClientID, in.Domains = "second", []string{"acme.test"}
	_, _, err = h.PutConnection(t.Context(), actor, org, "", in)
	wantError(t, err, directory.KindConflict, "domains")
	in.Enabled = false
	second, _, err := h.PutConnection(t.Context(), actor, org, "", in)
	if err != nil {
		t.Fatal(err)
	}
	in.Enabled = true
	_, _, err = h.PutConnection(t.Context(), actor, org, second.ID, in)
	wantError(t, err, directory.KindConflict, "domains")
}

func TestPutConnection_refusals(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	made, _, err := h.PutConnection(t.Context(), actor, org, "", fields(issuer))
	if err != nil {
		t.Fatal(err)
	}
	asked := issuer.Asked()
	for name, test := range map[string]struct {
		org    directory.OrganizationID
		id     directory.ConnectionID
		change func(*console.ConnectionFields)
		kind   directory.Kind
		field  string
	}{
		"issuer missing":      {org, "", func(f *console.ConnectionFields) { f.Issuer = "" }, directory.KindInvalid, "issuer"},
		"issuer with query":   {org, "", func(f *console.ConnectionFields) { f.Issuer += "?x=1" }, directory.KindInvalid, "issuer"},
		"issuer a file":       {org, "", func(f *console.ConnectionFields) { f.Issuer = "file:///etc/passwd" }, directory.KindInvalid, "issuer"},
		"issuer long":         {org, "", func(f *console.ConnectionFields) { f.Issuer += "/" + strings.Repeat("a", 600) }, directory.KindInvalid, "issuer"},
		"client id missing":   {org, "", func(f *console.ConnectionFields) { f.ClientID = "" }, directory.KindInvalid, "client_id"},
		"client id control":   {org, "", func(f *console.ConnectionFields) { f.ClientID = "a\r\nb" }, directory.KindInvalid, "client_id"},
		"secret long":         {org, "", func(f *console.ConnectionFields) { f.ClientSecret = seal.NewSecret(strings.Repeat("x", 2049)) }, directory.KindInvalid, "client_secret"},
		"secret control":      {org, "", func(f *console.ConnectionFields) { f.ClientSecret = seal.NewSecret("a\nb") }, directory.KindInvalid, "client_secret"},
		"auth method":         {org, "", func(f *console.ConnectionFields) { f.AuthMethod = "none" }, directory.KindInvalid, "auth_method"},
		"scope":               {org, "", func(f *console.ConnectionFields) { f.Scopes = []string{"a b"} }, directory.KindInvalid, "scopes"},
		"scope not ASCII":     {org, "", func(f *console.ConnectionFields) { f.Scopes = []string{"ä"} }, directory.KindInvalid, "scopes"},
		"scopes many":         {org, "", func(f *console.ConnectionFields) { f.Scopes = make([]string, 21) }, directory.KindInvalid, "scopes"},
		"domain":              {org, "", func(f *console.ConnectionFields) { f.Domains = []string{"nodots"} }, directory.KindInvalid, "domains"},
		"domain twice":        {org, "", func(f *console.ConnectionFields) { f.Domains = []string{"a.example", "A.example"} }, directory.KindInvalid, "domains"},
		"organization":        {"nobody", "", func(*console.ConnectionFields) {}, directory.KindNotFound, ""},
		"connection unknown":  {org, "nothing", func(*console.ConnectionFields) {}, directory.KindNotFound, ""},
		"connection of other": {other, made.ID, func(*console.ConnectionFields) {}, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := fields(issuer)
			test.change(&f)
			_, _, err := h.PutConnection(t.Context(), actor, test.org, test.id, f)
			wantError(t, err, test.kind, test.field)
		})
	}
	if issuer.Asked() != asked {
		t.Fatal("the network was asked for a request that could be refused without it")
	}
	t.Run("no secret", func(t *testing.T) {
		f := fields(issuer)
		f.ClientSecret = seal.Secret{}
		_, _, err := h.PutConnection(t.Context(), actor, org, "", f)
		wantError(t, err, directory.KindInvalid, "client_secret")
	})
	t.Run("same client", func(t *testing.T) {
		_, _, err := h.PutConnection(t.Context(), actor, other, "", fields(issuer))
		wantError(t, err, directory.KindConflict, "client_id")
	})
}

func TestPutConnection_discovery(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	for name, test := range map[string]struct {
		spoil func(*consoletest.Issuer)
		give  string // after the issuer's own URL
		ok    bool
	}{
		"trailing slash given": {func(*consoletest.Issuer) {}, "/", true},
		"trailing slash there": {func(i *consoletest.Issuer) { i.Set("issuer", i.URL+"/") }, "", true},
		"another issuer":       {func(i *consoletest.Issuer) { i.Set("issuer", "https://evil.example") }, "", false},
		"no issuer":            {func(i *consoletest.Issuer) { i.Set("issuer", nil) }, "", false},
		"path differs":         {func(i *consoletest.Issuer) { i.Set("issuer", i.URL+"/tenant") }, "", false},
		"not found":            {func(*consoletest.Issuer) {}, "/tenant", false},
		"issuer not a text":    {func(i *consoletest.Issuer) { i.Set("issuer", 5) }, "", false},
		"no token endpoint":    {func(i *consoletest.Issuer) { i.Set("token_endpoint", nil) }, "", false},
		"script endpoint":      {func(i *consoletest.Issuer) { i.Set("authorization_endpoint", "javascript:alert(1)") }, "", false},
		"relative keys":        {func(i *consoletest.Issuer) { i.Set("jwks_uri", "/keys") }, "", false},
		"token inside":         {func(i *consoletest.Issuer) { i.Set("token_endpoint", "http://169.254.169.254/token") }, "", false},
		"keys inside":          {func(i *consoletest.Issuer) { i.Set("jwks_uri", "http://10.0.0.1/keys") }, "", false},
		"userinfo inside":      {func(i *consoletest.Issuer) { i.Set("userinfo_endpoint", "http://[::ffff:10.0.0.1]/me") }, "", false},
		"odd userinfo":         {func(i *consoletest.Issuer) { i.Set("userinfo_endpoint", "ftp://x/") }, "", false},
		"too large":            {func(i *consoletest.Issuer) { i.Set("padding", strings.Repeat("x", 70<<10)) }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := consoletest.NewIssuer(t)
			test.spoil(issuer)
			f := fields(issuer)
			f.Issuer += test.give
			made, discovery, err := h.PutConnection(t.Context(), actor, org, "", f)
			if !test.ok {
				wantError(t, err, directory.KindInvalid, "issuer")
				return
			}
			if err != nil || made.Issuer != discovery.Issuer {
				t.Fatalf("made %+v, %v", made, err)
			}
		})
	}
}

func TestAttack39_discoveryRedirects(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	server := httptest.NewServer(http.RedirectHandler(issuer.URL+"/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(server.Close)
	f := fields(issuer)
	f.Issuer = server.URL
	_, _, err := h.PutConnection(t.Context(), actor, h.organization(t, "acme"), "", f)
	wantError(t, err, directory.KindInvalid, "issuer")
	if issuer.Asked() != 0 {
		t.Fatal("the redirect was followed")
	}
}

func TestPutConnection_choices(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	f := fields(issuer)
	ends := time.Now().Add(90 * 24 * time.Hour).Truncate(time.Second)
	f.Issuer, f.SecretExpires = "  "+issuer.URL+"/.well-known/openid-configuration ", &ends
	f.ResponseMode, f.Prompt, f.MaxAge, f.ACRValues = directory.ResponseFormPost, "login", 3600, []string{"phr"}
	f.SharedRedirect, f.TrustSharedCallback, f.JustInTime = true, true, true
	made, _, err := h.PutConnection(t.Context(), actor, org, "", f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.GetConnection(t.Context(), org, made.ID)
	if err != nil || got.Issuer != issuer.URL || got.SecretExpires != directory.Time(ends.UnixMicro()) || got.ResponseMode != directory.ResponseFormPost ||
		got.Prompt != "login" || got.MaxAge != 3600 || !slices.Equal(got.ACRValues, []string{"phr"}) || !got.SharedRedirect || !got.JustInTime {
		t.Fatalf("got %+v, %v", got, err)
	}
	f.ClientSecret, f.SecretExpires = seal.Secret{}, nil
	if made, _, err = h.PutConnection(t.Context(), actor, org, made.ID, f); err != nil || made.SecretExpires != got.SecretExpires {
		t.Fatalf("the end of a kept secret is %v, %v", made, err)
	}
	f.AuthMethod = directory.AuthPrivateKey
	if made, _, err = h.PutConnection(t.Context(), actor, org, made.ID, f); err != nil || len(made.ClientSecret) != 0 || made.SecretExpires != 0 {
		t.Fatalf("with a key of ours there is %v, %v", made, err)
	}
	_, err = h.RotateSecret(t.Context(), actor, org, made.ID, console.NewSecret{Secret: seal.NewSecret("x")})
	wantError(t, err, directory.KindConflict, "")
}

func TestRotateSecret(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org, other := h.organization(t, "acme"), h.organization(t, "other")
	made, _, err := h.PutConnection(t.Context(), actor, org, "", fields(issuer))
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(time.Hour)
	rotated, err := h.RotateSecret(t.Context(), actor, org, made.ID, console.NewSecret{Secret: seal.NewSecret("newer"), Expires: &ends})
	if err != nil || h.secretOf(t, rotated) != "newer" || rotated.SecretExpires != directory.Time(ends.UnixMicro()) {
		t.Fatalf("rotated %+v, %v", rotated, err)
	}
	previous := *rotated
	previous.ClientSecret = rotated.PreviousSecret
	if h.secretOf(t, &previous) != "hush" {
		t.Fatal("the old secret is gone")
	}
	kept := fields(issuer)
	kept.ClientSecret = seal.Secret{}
	if put, _, err := h.PutConnection(t.Context(), actor, org, made.ID, kept); err != nil || len(put.PreviousSecret) == 0 || h.secretOf(t, put) != "newer" {
		t.Fatalf("put %+v, %v", put, err)
	}
	again, err := h.RotateSecret(t.Context(), actor, org, made.ID, console.NewSecret{Secret: seal.NewSecret("newer")})
	if err != nil || h.secretOf(t, again) != "newer" || string(again.PreviousSecret) != string(previous.ClientSecret) || again.SecretExpires != 0 {
		t.Fatalf("the same again: %+v, %v", again, err)
	}
	third := console.NewSecret{Secret: seal.NewSecret("third")}
	_, err = h.RotateSecret(t.Context(), actor, org, made.ID, third)
	wantError(t, err, directory.KindConflict, "")
	third.ReplaceNewest = true
	corrected, err := h.RotateSecret(t.Context(), actor, org, made.ID, third)
	if err != nil || h.secretOf(t, corrected) != "third" || string(corrected.PreviousSecret) != string(previous.ClientSecret) {
		t.Fatalf("corrected: %+v, %v", corrected, err)
	}
	if err := h.DropPreviousSecret(t.Context(), actor, org, made.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, h.DropPreviousSecret(t.Context(), actor, org, made.ID), directory.KindNotFound, "")
	past := time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		org   directory.OrganizationID
		in    console.NewSecret
		kind  directory.Kind
		field string
	}{
		"no secret":    {org, console.NewSecret{}, directory.KindInvalid, "client_secret"},
		"long":         {org, console.NewSecret{Secret: seal.NewSecret(strings.Repeat("x", 2049))}, directory.KindInvalid, "client_secret"},
		"over already": {org, console.NewSecret{Secret: seal.NewSecret("x"), Expires: &past}, directory.KindInvalid, "expires_at"},
		"of another":   {other, console.NewSecret{Secret: seal.NewSecret("x")}, directory.KindNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.RotateSecret(t.Context(), actor, test.org, made.ID, test.in)
			wantError(t, err, test.kind, test.field)
		})
	}
}

// Of rotations at once one counts, and the others are told so: no secret is lost.
func TestRotateSecret_atOnce(t *testing.T) {
	h, issuer := newHouse(t), consoletest.NewIssuer(t)
	org := h.organization(t, "acme")
	made, _, err := h.PutConnection(t.Context(), actor, org, "", fields(issuer))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = h.RotateSecret(t.Context(), actor, org, made.ID, console.NewSecret{Secret: seal.NewSecret("new " + string(rune('a'+i)))})
		})
	}
	group.Wait()
	counted := 0
	for _, err := range errs {
		switch directory.KindOf(err) {
		case 0:
			counted++
		case directory.KindConflict, directory.KindUnavailable:
		default:
			t.Fatal(err)
		}
	}
	if counted != 1 {
		t.Errorf("%d rotations counted", counted)
	}
	got, err := h.GetConnection(t.Context(), org, made.ID)
	if err != nil || !strings.HasPrefix(h.secretOf(t, got), "new ") || len(got.PreviousSecret) == 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestDiscovery_warnings(t *testing.T) {
	h := newHouse(t)
	org := h.organization(t, "acme")
	whole := func(i *consoletest.Issuer) {
		i.Set("code_challenge_methods_supported", []string{"plain", "S256"})
		i.Set("authorization_response_iss_parameter_supported", true)
		i.Set("token_endpoint_auth_methods_supported", []string{"client_secret_basic", "private_key_jwt"})
	}
	for name, test := range map[string]struct {
		issuer func(*consoletest.Issuer)
		choose func(*console.ConnectionFields)
		want   []string
	}{
		"none":           {func(*consoletest.Issuer) {}, func(*console.ConnectionFields) {}, nil},
		"no S256":        {func(i *consoletest.Issuer) { i.Set("code_challenge_methods_supported", nil) }, func(*console.ConnectionFields) {}, []string{"no_s256"}},
		"shared, iss":    {func(*consoletest.Issuer) {}, func(f *console.ConnectionFields) { f.SharedRedirect = true }, nil},
		"shared, no iss": {func(i *consoletest.Issuer) { i.Set("authorization_response_iss_parameter_supported", nil) }, func(f *console.ConnectionFields) { f.SharedRedirect, f.TrustSharedCallback = true, true }, []string{"shared_redirect_without_iss"}},
		"post":           {func(*consoletest.Issuer) {}, func(f *console.ConnectionFields) { f.AuthMethod = directory.AuthPost }, []string{"auth_method_not_offered"}},
		"methods unsaid": {func(i *consoletest.Issuer) { i.Set("token_endpoint_auth_methods_supported", nil) }, func(*console.ConnectionFields) {}, nil},
		"form_post":      {func(*consoletest.Issuer) {}, func(f *console.ConnectionFields) { f.ResponseMode = directory.ResponseFormPost }, []string{"form_post_not_offered"}},
		"HS256 only":     {func(i *consoletest.Issuer) { i.Set("id_token_signing_alg_values_supported", []string{"HS256", "none"}) }, func(*console.ConnectionFields) {}, []string{"no_known_algorithm"}},
		"lists too long": {func(i *consoletest.Issuer) {
			i.Set("response_modes_supported", slices.Repeat([]string{strings.Repeat("x", 400)}, 99))
		}, func(*console.ConnectionFields) {}, nil},
		"everything else": {func(i *consoletest.Issuer) {
			i.Set("backchannel_logout_supported", true)
			i.Set("end_session_endpoint", i.URL+"/out")
		}, func(*console.ConnectionFields) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := consoletest.NewIssuer(t)
			whole(issuer)
			test.issuer(issuer)
			f := fields(issuer)
			test.choose(&f)
			_, discovery, err := h.PutConnection(t.Context(), actor, org, "", f)
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, warning := range discovery.Warnings {
				codes = append(codes, warning.Code)
				if warning.Detail == "" {
					t.Errorf("%s says nothing", warning.Code)
				}
			}
			if !slices.Equal(codes, test.want) {
				t.Fatalf("warned of %v, want %v", codes, test.want)
			}
			for _, mode := range discovery.ResponseModes {
				if len(mode) > 110 || len(discovery.ResponseModes) > 50 {
					t.Fatal("what the provider said is not bounded")
				}
			}
		})
	}
}
