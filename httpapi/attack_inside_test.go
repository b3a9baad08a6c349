package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"domicile/console"
	"domicile/console/consoletest"
	"domicile/egress"
	"domicile/httpapi"
	"domicile/seal"
)

// reach gives the office another way out. What is in the ledger stays.
func (o *office) reach(cfg egress.Config) {
	o.t.Helper()
	o.registry = prometheus.NewRegistry()
	deps := o.deps()
	resolver, err := egress.NewResolver(egress.DNSConfig{Servers: []string{o.dns.Address}})
	if err != nil {
		o.t.Fatal(err)
	}
	deps.Console, err = console.New(console.Deps{
		Proposer: o.ledger, Viewer: o.ledger, Operator: o.crew, Keyring: seal.GenerateKeyring(), Identity: consoletest.Identity,
		Region: deps.Region, Egress: egress.New(cfg), DNS: resolver, NewID: seal.NewID, Now: time.Now,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	handler, err := httpapi.New(deps)
	if err != nil {
		o.t.Fatal(err)
	}
	o.server = httptest.NewServer(handler)
	o.t.Cleanup(o.server.Close)
}

// registrations is every way in which an owner or an operator enters an authority.
func (e *estate) registrations(authority string) []ask {
	body := fmt.Sprintf(`{"issuer":%q,"client_id":"x","client_secret":"y"}`, authority)
	return []ask{
		{method: "POST", path: e.path + "/connection-requests", session: e.owner, site: "same-origin", body: body},
		{method: "PUT", path: e.path + "/connection-requests/" + e.names["request"], session: e.breakGlass, site: "same-origin", body: body},
		{method: "POST", path: e.path + "/connections", body: body},
		{method: "PUT", path: e.path + "/connections/" + e.names["connection"], body: body},
	}
}

const (
	unreadable = "the issuer's discovery document could not be read: "
	notAllowed = unreadable + "address is not allowed"
)

// nobody is a public address of a range that has not been given to anybody.
const nobody = "3000::1"

// TestAttack40_rebindingAtRegistration: the name of an authority is a public address for whoever looks first, and one of our own
// for whoever looks next, or both at once. All that its owner learns is that the address is not allowed.
func TestAttack40_rebindingAtRegistration(t *testing.T) {
	o := newOffice(t)
	e, bell := o.estate("acme"), newBell(t)
	useDNS(t, o.dns)
	o.reach(egress.Config{AllowPorts: []uint16{bell.number}, AllowHTTP: true, ConnectTimeout: 200 * time.Millisecond})
	const host = "idp.rebind.example"
	authority := "https://" + host + ":" + bell.port
	look := func(t *testing.T, a ask) string {
		t.Helper()
		o.t = t
		asked := o.dns.Asked("udp")
		detail := o.refused(a, http.StatusBadRequest, "issuer")["detail"].(string)
		if o.dns.Asked("udp") == asked {
			t.Error("nobody looked")
		}
		return detail
	}
	for _, own := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "100.100.100.200",
		"fd00:ec2::254", "fc00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255",
	} {
		t.Run(own, func(t *testing.T) {
			o.dns.SetAddresses(host, addresses(own))
			for _, a := range e.registrations(authority) {
				if detail := look(t, a); detail != notAllowed {
					t.Errorf("%s: %q", a.path, detail)
				}
			}
		})
	}
	first := []string{notAllowed, unreadable + "host cannot be reached", unreadable + "no answer in time"} // as the network has it
	for _, own := range []string{"127.0.0.1", "::1", "0.0.0.0", "169.254.169.254"} {
		for name, answers := range map[string][][]netip.Addr{
			"after a public one":  {addresses(nobody), addresses(own)},
			"beside a public one": {addresses(nobody, own), addresses(own)},
			"before a public one": {addresses(own, nobody), addresses(own)},
		} {
			t.Run(own+" "+name, func(t *testing.T) {
				o.dns.SetAddresses(host, answers...)
				a := e.registrations(authority)[0]
				if detail := look(t, a); !slices.Contains(first, detail) {
					t.Errorf("at first %q", detail)
				}
				if detail := look(t, a); detail != notAllowed {
					t.Errorf("then %q", detail)
				}
			})
		}
	}
	if n := bell.rung.Load(); n != 0 {
		t.Errorf("%d connections came to the inside", n)
	}
}

// TestAttack38_authorities: addresses of our own, in all the ways of writing them.
func TestAttack38_authorities(t *testing.T) {
	o := newOffice(t)
	e, bell := o.estate("acme"), newBell(t)
	useDNS(t, o.dns)
	o.dns.SetAddresses("localhost", addresses("127.0.0.1"))
	o.dns.SetAddresses("metadata.acme.example", addresses("0.0.0.0"))
	for name, cfg := range map[string]egress.Config{
		"production": {}, "with a port": {AllowPorts: []uint16{bell.number}}, "in development": {AllowPorts: []uint16{bell.number}, AllowLoopback: true, AllowHTTP: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.t = t
			o.reach(cfg)
			hosts := bell.insides()
			if !cfg.AllowLoopback {
				for _, loopback := range []string{"127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f000001", "017700000001", "[::ffff:127.0.0.1]", "127.0.0.1."} {
					hosts = append(hosts, loopback+":"+bell.port, loopback)
				}
			}
			for _, host := range hosts {
				for _, scheme := range []string{"https://", "http://", "HTTPS://", "ftp://", "file://", "gopher://"} {
					for _, path := range []string{"", "/latest/meta-data", "/.well-known/openid-configuration"} {
						a := e.registrations(scheme + host + path)[0]
						detail := o.refused(a, http.StatusBadRequest, "issuer")["detail"].(string)
						if strings.Contains(detail, bell.port) || strings.Contains(detail, "169.254") || strings.Contains(detail, "refused") {
							t.Errorf("%s%s%s: %q", scheme, host, path, detail)
						}
					}
				}
			}
			if n := bell.rung.Swap(0); n != 0 {
				t.Errorf("%d connections came to the inside", n)
			}
		})
	}
}
