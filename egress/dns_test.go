package egress_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"domicile/egress"
	"domicile/egress/dnstest"
)

const challengeName = "_domicile-challenge.acme.example"

func resolver(t *testing.T, servers ...*dnstest.Server) *egress.Resolver {
	t.Helper()
	cfg := egress.DNSConfig{Timeout: 2 * time.Second}
	for _, server := range servers {
		cfg.Servers = append(cfg.Servers, server.Address)
	}
	r, err := egress.NewResolver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResolver_records(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, test := range map[string]struct {
		set  func(*dnstest.Server)
		want []string
		tcp  bool
	}{
		"no such name": {func(*dnstest.Server) {}, nil, false},
		"another name": {func(s *dnstest.Server) { s.Set("acme.example", "a") }, nil, false},
		"no record":    {func(s *dnstest.Server) { s.SetStrings("acme.example", "a"); s.Set(challengeName) }, nil, false},
		"one":          {func(s *dnstest.Server) { s.Set(challengeName, "a") }, []string{"a"}, false},
		"several":      {func(s *dnstest.Server) { s.Set(challengeName, "a", "", "b c") }, []string{"a", "", "b c"}, false},
		"split":        {func(s *dnstest.Server) { s.SetStrings(challengeName, "ab", "", "cd") }, []string{"abcd"}, false},
		"long":         {func(s *dnstest.Server) { s.Set(challengeName, long) }, []string{long}, false},
		"over TCP":     {func(s *dnstest.Server) { s.Set(challengeName, long, long) }, []string{long, long}, true},
		"too long":     {func(s *dnstest.Server) { s.Set(challengeName, long+long) }, []string{(long + long)[:512]}, true},
		"too many":     {func(s *dnstest.Server) { s.Set(challengeName, slices.Repeat([]string{"a"}, 100)...) }, slices.Repeat([]string{"a"}, 20), true},
	} {
		t.Run(name, func(t *testing.T) {
			server := dnstest.New(t)
			test.set(server)
			answers := resolver(t, server).TXT(t.Context(), challengeName)
			if len(answers) != 1 || answers[0].Err != nil || !slices.Equal(answers[0].Records, test.want) {
				t.Fatalf("answers %+v", answers)
			}
			if server.Asked("udp") == 0 || server.Asked("tcp") > 0 != test.tcp {
				t.Fatalf("asked %d times over UDP, %d over TCP", server.Asked("udp"), server.Asked("tcp"))
			}
		})
	}
}

func TestResolver_asksEachServer(t *testing.T) {
	good, empty, failing := dnstest.New(t), dnstest.New(t), dnstest.New(t)
	good.Set(challengeName, "a")
	failing.Feel(dnstest.Failing)
	answers := resolver(t, good, empty, failing).TXT(t.Context(), challengeName)
	if len(answers) != 3 || !slices.Equal(answers[0].Records, []string{"a"}) || answers[1].Records != nil || answers[1].Err != nil {
		t.Fatalf("answers %+v", answers)
	}
	if !errors.Is(answers[2].Err, egress.ErrUnresolved) {
		t.Fatalf("the failing server: %v", answers[2].Err)
	}
}

// A server that fails does not say that there is no record.
func TestResolver_failures(t *testing.T) {
	for name, test := range map[string]struct {
		mood dnstest.Mood
		want error
	}{
		"SERVFAIL": {dnstest.Failing, egress.ErrUnresolved},
		"REFUSED":  {dnstest.Refusing, egress.ErrUnresolved},
		"silence":  {dnstest.Silent, egress.ErrTimeout},
		"garbage":  {dnstest.Garbled, egress.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			server := dnstest.New(t)
			server.Set(challengeName, "a")
			server.Feel(test.mood)
			r, err := egress.NewResolver(egress.DNSConfig{Servers: []string{server.Address}, Timeout: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			answers := r.TXT(t.Context(), challengeName)
			if len(answers) != 1 || answers[0].Records != nil || !errors.Is(answers[0].Err, test.want) {
				t.Fatalf("answers %+v", answers)
			}
			if strings.Contains(answers[0].Err.Error(), "127.0.0.1") {
				t.Fatalf("a tenant reads %q", answers[0].Err)
			}
		})
	}
}

func TestNewResolver_refusals(t *testing.T) {
	for _, server := range []string{"", "192.0.2.1", ":53", "192.0.2.1:", "a:b:c"} {
		if _, err := egress.NewResolver(egress.DNSConfig{Servers: []string{server}}); err == nil {
			t.Errorf("%q was accepted", server)
		}
	}
}
