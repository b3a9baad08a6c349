package httpapi_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"domicile/egress"
	"domicile/oidc"
)

// call is one of the requests that a sign-in makes to a provider.
type call struct {
	name   string
	path   string
	member string // of the discovery document, where it says the address; empty: the authority itself
	reason oidc.Reason
}

// calls is all of them, in their order.
var calls = []call{
	{"discovery", "/.well-known/openid-configuration", "", oidc.ReasonProviderDown},
	{"token", "/token", "token_endpoint", oidc.ReasonProviderDown},
	{"keys", "/keys", "jwks_uri", oidc.ReasonProviderDown},
	{"userinfo", "/userinfo", "userinfo_endpoint", oidc.ReasonUserinfo},
}

// fails walks a sign-in that a call ends: nobody is signed in, and the page says so in words of ours that tell nothing.
func (m *mole) fails(want oidc.Reason, secrets ...string) {
	m.world.t.Helper()
	b := m.browser()
	page := m.signIn(b)
	message := "sign-in refused"
	if !strings.Contains(m.logs.String(), `"msg":"sign-in refused"`) {
		message = "sign-in not started"
	}
	if reason := m.logs.last(message)["reason"]; reason != string(want) {
		m.world.t.Errorf("%s: %v, want %s", message, reason, want)
	}
	status, words := http.StatusServiceUnavailable, "We could not reach your organization’s identity provider."
	if want != oidc.ReasonProviderDown {
		status, words = http.StatusForbidden, "we could not verify what your organization’s identity provider sent"
	}
	if page.status != status || !strings.Contains(page.body, words) {
		m.world.t.Errorf("%d\n%s", page.status, page.body)
	}
	for _, secret := range secrets {
		if strings.Contains(page.body, secret) {
			m.world.t.Errorf("the page names %s:\n%s", secret, page.body)
		}
	}
	if status, _ := m.session(b); status != http.StatusUnauthorized {
		m.world.t.Errorf("the session answers %d", status)
	}
}

// succeeds shows that all else is as it should be.
func (m *mole) succeeds() {
	m.world.t.Helper()
	m.honest()
	m.set(func() { m.thin = true })
	if page := m.signIn(m.browser()); page.status != http.StatusSeeOther {
		m.world.t.Fatalf("an honest sign-in: %d %v\n%s", page.status, m.logs.last("sign-in refused"), page.body)
	}
}

// each runs a test for each call, with a node that knows nothing of the provider and an ID token that leaves things to userinfo.
func (m *mole) each(t *testing.T, test func(t *testing.T, c call)) {
	m.succeeds()
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			m.world.t = t
			test(t, c)
		})
	}
	m.world.t = t
	m.succeeds()
}

// fresh is each's beginning of one try.
func (m *mole) fresh() {
	m.honest()
	m.logs.mu.Lock()
	m.logs.text.Reset()
	m.logs.mu.Unlock()
	m.set(func() { m.thin = true })
}

// TestAttack40_rebindingDuringSignIn: the name of a provider that people sign in with comes to be one of our own addresses: before
// the sign-in, and after each answer. It is looked up for each connection, and judged each time.
func TestAttack40_rebindingDuringSignIn(t *testing.T) {
	m := newMole(t)
	m.each(t, func(t *testing.T, c call) {
		for _, own := range []string{"0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::7f00:1", "169.254.169.254", "10.0.0.1", "fd00:ec2::254", "fe80::1"} {
			m.fresh()
			before, rebound := c.before(), int32(0)
			rebind := func() {
				m.dns.SetAddresses(moleHost, addresses(own))
				rebound = m.conns.Load()
			}
			if before == "" {
				rebind()
			} else {
				m.set(func() { m.after[before] = rebind })
			}
			m.fails(c.reason, own, m.port)
			if n := m.conns.Load() - rebound; n != 0 {
				t.Errorf("%s: %d connections came to the inside", own, n)
			}
		}
	})
}

// before is the path that is asked for just before.
func (c call) before() string {
	path := ""
	for _, other := range calls {
		if other.name == c.name {
			break
		}
		path = other.path
	}
	return path
}

// TestAttack38_insideTheDocument: the discovery document of a good authority has an address of ours at each place where we
// would ask.
func TestAttack38_insideTheDocument(t *testing.T) {
	m, bell := newMole(t), newBell(t)
	m.dns.SetAddresses("metadata.acme.example", addresses("0.0.0.0"))
	m.each(t, func(t *testing.T, c call) {
		for _, inside := range bell.insides() {
			m.fresh()
			m.set(func() {
				if c.member == "" {
					m.document["issuer"] = "https://" + inside
					return
				}
				m.document[c.member] = "https://" + inside + c.path
			})
			m.fails(c.reason, inside, bell.port)
		}
		if n := bell.rung.Swap(0); n != 0 {
			t.Errorf("%d connections came to the inside", n)
		}
	})
}

// TestAttack39_insideByRedirect: each address of a good authority leads on to one of ours.
func TestAttack39_insideByRedirect(t *testing.T) {
	m, bell := newMole(t), newBell(t)
	m.dns.SetAddresses("metadata.acme.example", addresses("0.0.0.0"))
	m.each(t, func(t *testing.T, c call) {
		want := c.reason
		if c.name == "token" {
			want = oidc.ReasonExchange // it has answered
		}
		for _, inside := range bell.insides() {
			for _, target := range []string{"https://" + inside + "/latest/meta-data/", "//" + inside + c.path} {
				m.fresh()
				m.set(func() { m.moved[c.path] = target })
				m.fails(want, inside, bell.port)
			}
		}
		if n := bell.rung.Swap(0); n != 0 {
			t.Errorf("%d connections came to the inside", n)
		}
	})
}

// TestAttack39_registrationByRedirect: an owner enters a good authority that leads on to an address of ours.
func TestAttack39_registrationByRedirect(t *testing.T) {
	m, bell := newMole(t), newBell(t)
	o := newOffice(t)
	e := o.estate("acme")
	o.reach(egress.Config{AllowLoopback: true, RootCAs: m.roots})
	for _, inside := range bell.insides() {
		m.set(func() { m.moved["/.well-known/openid-configuration"] = "https://" + inside + "/latest/meta-data/" })
		for _, a := range e.registrations(m.issuer) {
			if detail := o.refused(a, http.StatusBadRequest, "issuer")["detail"]; detail != unreadable+"unexpected status 307" {
				t.Errorf("%s: %q", inside, detail)
			}
		}
	}
	if n := bell.rung.Load(); n != 0 {
		t.Errorf("%d connections came to the inside", n)
	}
	m.honest()
	o.must(http.StatusCreated, e.registrations(m.issuer)[0])
}

// badPapers are certificates that prove nothing, by the name below acme.example that shows each.
func (m *mole) badPapers(t *testing.T) map[string]tls.Certificate {
	stranger, now := newNotary(t), time.Now()
	return map[string]tls.Certificate{
		"expired":     m.notary.issue(t, "expired.acme.example", now.Add(-time.Hour)),
		"future":      m.notary.issue(t, "future.acme.example", now.Add(time.Hour)),
		"other":       m.notary.issue(t, "idp.evil.example", now),
		"parent":      m.notary.issue(t, "acme.example", now),
		"stranger":    stranger.issue(t, "stranger.acme.example", now),
		"self-signed": {Certificate: [][]byte{stranger.certificate.Raw}, PrivateKey: stranger.key},
	}
}

// TestAttack58_wholeWay: a provider that cannot prove who it is, at each address where we would ask: it gets no request, and so
// neither a code nor a client secret.
func TestAttack58_wholeWay(t *testing.T) {
	m := newMole(t)
	papers := m.badPapers(t)
	o := newOffice(t)
	e := o.estate("acme")
	o.reach(egress.Config{AllowLoopback: true, RootCAs: m.roots})
	for name, certificate := range papers {
		host := name + ".acme.example"
		m.set(func() { m.papers[host] = certificate })
		m.dns.SetAddresses(host, addresses("127.0.0.1"))
		for _, a := range e.registrations("https://" + host + ":" + m.port) {
			if detail := o.refused(a, http.StatusBadRequest, "issuer")["detail"]; detail != unreadable+"certificate is not trusted" {
				t.Errorf("%s: %q", name, detail)
			}
		}
	}
	m.each(t, func(t *testing.T, c call) {
		for name, certificate := range papers {
			m.fresh()
			host := name + ".acme.example"
			if c.member == "" {
				m.set(func() { m.papers[moleHost] = certificate })
				m.fails(c.reason, host)
				m.set(func() { m.papers[moleHost] = m.good })
				continue
			}
			m.set(func() { m.document[c.member] = "https://" + host + ":" + m.port + c.path })
			m.fails(c.reason, host)
		}
	})
	m.set(func() {
		for host, n := range m.asked {
			if host != moleHost {
				t.Errorf("%s got %d requests", host, n)
			}
		}
	})
}
