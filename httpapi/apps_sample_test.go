package httpapi_test

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/directory"
	"domicile/oidc/oidctest"
)

// sample runs deploy/examples/app and gives its address.
func (s *shop) sample() string {
	s.world.t.Helper()
	binary := filepath.Join(s.world.t.TempDir(), "app")
	if out, err := exec.CommandContext(s.world.t.Context(), "go", "build", "-o", binary, "domicile/deploy/examples/app").CombinedOutput(); err != nil {
		s.world.t.Fatalf("%v\n%s", err, out)
	}
	process := exec.CommandContext(s.world.t.Context(), binary)
	process.Env = append(os.Environ(), "APP_ISSUER="+s.server.URL+"/oidc", "APP_CLIENT_ID=shop", "APP_CLIENT_SECRET="+shopSecret,
		"APP_LISTEN=127.0.0.1:0")
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		s.world.t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		s.world.t.Fatal(err)
	}
	s.world.t.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.world.t.Fatalf("the application did not start: %v", err)
	}
	return strings.TrimSpace(address)
}

// follow walks along redirects until a page, and gives its address and content.
func (s *shop) follow(b *oidctest.Browser, address string) (string, visit) {
	s.world.t.Helper()
	at, err := url.Parse(address)
	for range 10 {
		if err != nil {
			s.world.t.Fatal(err)
		}
		a := s.get(b, at.String())
		location := a.header.Get("Location")
		if location == "" {
			return at.String(), a
		}
		at, err = at.Parse(location)
	}
	s.world.t.Fatalf("in circles at %s", at)
	return "", visit{}
}

// TestSampleApplication: the application of deploy/examples signs somebody in, notices a deactivation through the back channel, and
// signs somebody out.
func TestSampleApplication(t *testing.T) {
	s := newShop(t, true)
	app := s.sample()
	s.register("shop", shopSecret, app+"/backchannel-logout", app+"/callback")
	b := s.browser()
	if _, a := s.follow(b, app+"/"); !strings.Contains(a.body, "Sign in") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	login, _ := s.follow(b, app+"/login")
	at, _ := url.Parse(login)
	if at.Path != "/login" || !strings.HasPrefix(login, s.server.URL) {
		t.Fatalf("signing in begins at %s", login)
	}
	end, a := s.follow(b, s.callback(b, buyer, at.Query().Get("return_to")))
	if end != app+"/" || !strings.Contains(a.body, string(s.person)) || !strings.Contains(a.body, "organization_role") {
		t.Fatalf("signed in at %s: %d\n%s", end, a.status, a.body)
	}

	// A second time nobody is asked anything.
	if end, _ := s.follow(b, app+"/login"); end != app+"/" {
		t.Errorf("again: %s", end)
	}
	if bad := s.do(s.browser(), http.MethodPost, app+"/backchannel-logout", url.Values{"logout_token": {"a.b.c"}}); bad.status != http.StatusBadRequest {
		t.Errorf("a forged logout token: %d", bad.status)
	}

	s.deactivate()
	s.deliverLogouts()
	if _, a := s.follow(b, app+"/"); !strings.Contains(a.body, "Sign in") || strings.Contains(a.body, string(s.person)) {
		t.Errorf("after the deactivation: %s", a.body)
	}
	if end, _ := s.follow(b, app+"/login"); !strings.HasPrefix(end, s.server.URL+"/login") {
		t.Errorf("the leaver comes to %s", end)
	}
}

// TestSampleApplication_logout: signing out there signs out here, and the other way round.
func TestSampleApplication_logout(t *testing.T) {
	s := newShop(t, true)
	app := s.sample()
	s.register("shop", shopSecret, app+"/backchannel-logout", app+"/callback")
	b := s.enter(buyer)
	if end, a := s.follow(b, app+"/login"); end != app+"/" || !strings.Contains(a.body, string(s.person)) {
		t.Fatalf("at %s: %s", end, a.body)
	}
	out := s.do(b, http.MethodPost, app+"/logout", nil)
	if end, a := s.follow(b, out.header.Get("Location")); end != app+"/" || !strings.Contains(a.body, "Sign in") {
		t.Errorf("signed out there: at %s: %s", end, a.body)
	}
	if status, _ := s.session(b); status != http.StatusUnauthorized {
		t.Errorf("the session here answers %d", status)
	}

	b = s.enter(buyer)
	if end, _ := s.follow(b, app+"/login"); end != app+"/" {
		t.Fatalf("again at %s", end)
	}
	s.do(b, http.MethodPost, "/logout", nil)
	s.deliverLogouts()
	if _, a := s.follow(b, app+"/"); !strings.Contains(a.body, "Sign in") {
		t.Errorf("signed out here: %s", a.body)
	}
}

// deliverLogouts does the duty of the leader.
func (s *shop) deliverLogouts() {
	s.world.t.Helper()
	region := directory.Region{ID: testRegion, URL: s.server.URL, LoginURL: s.server.URL + "/login"}
	door := s.applications(region, prometheus.NewRegistry())
	delivered := 0
	for errand := range s.ledger.FSM.View().Errands() {
		if errand.Kind != directory.ErrandLogout {
			continue
		}
		if err := door.DeliverLogout(s.world.t.Context(), errand); err != nil {
			s.world.t.Error(err)
		}
		delivered++
	}
	if delivered == 0 {
		s.world.t.Error("no application is to be told")
	}
}
