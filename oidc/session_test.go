package oidc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"domicile/directory"
)

func TestResolve(t *testing.T) {
	l := newLedger(t)
	l.user(directory.SourceSCIM, "alice", "", true)
	cookie := l.session("alice", "sub-alice")
	s := l.service()
	who, err := s.Resolve(t.Context(), cookie)
	if err != nil || who.User.ID != "alice" || who.Organization.ID != acme || who.Session.Connection != connection {
		t.Fatalf("%+v, %v", who, err)
	}
	for _, bad := range []string{"", "x", cookie + "x", cookie[:len(cookie)-1]} {
		if _, err := s.Resolve(t.Context(), bad); directory.KindOf(err) != directory.KindUnauthenticated {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s.deps.Now = func() time.Time { return time.Now().Add(12*time.Hour + time.Minute) }
	if _, err := s.Resolve(t.Context(), cookie); directory.KindOf(err) != directory.KindUnauthenticated {
		t.Errorf("expired: %v", err)
	}
	s.deps.Now = time.Now
	l.Cut(true)
	if _, err := s.Resolve(t.Context(), cookie); directory.KindOf(err) != directory.KindUnavailable {
		t.Errorf("cut off: %v", err)
	}
	l.Cut(false)
	if err := s.Close(t.Context(), cookie); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resolve(t.Context(), cookie); directory.KindOf(err) != directory.KindUnauthenticated {
		t.Errorf("closed: %v", err)
	}
	if err := s.Close(t.Context(), cookie); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestRedirectURI(t *testing.T) {
	if got := newLedger(t).service().RedirectURI("7f"); got != "https://eu.example.com/signin-oidc/7f" {
		t.Error(got)
	}
}

func TestReason_class(t *testing.T) {
	for _, reason := range []Reason{ReasonNotProvisioned, ReasonInactive, ReasonLinkConflict, ReasonForeignAccount} {
		if reason.Class() != ClassNotProvisioned {
			t.Errorf("%s tells who exists", reason)
		}
	}
	refusal := refuse(ReasonUnavailable, nil)
	if directory.KindOf(refusal) != directory.KindUnavailable || len(refusal.Reference) != 8 {
		t.Errorf("%v", refusal)
	}
}

func TestLedgerReason(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Reason
	}{
		{directory.Errorf(directory.KindReplayed, "", ""), ReasonReplayed},
		{directory.Errorf(directory.KindUnauthenticated, "", ""), ReasonTransactionExpired},
		{directory.Errorf(directory.KindConflict, "subject", ""), ReasonLinkConflict},
		{directory.Errorf(directory.KindForbidden, "user", ""), ReasonInactive},
		{directory.Errorf(directory.KindForbidden, "connection", ""), ReasonConnectionChanged},
		{directory.Errorf(directory.KindNotFound, "", ""), ReasonConnectionChanged},
		{directory.Errorf(directory.KindUnavailable, "", ""), ReasonUnavailable},
		{directory.Errorf(directory.KindExpired, "", ""), ReasonUnavailable},
		{directory.Errorf(directory.KindInvalid, "", ""), ReasonInternal},
		{errors.New("a fault"), ReasonInternal},
	} {
		if got := ledgerReason(test.err); got != test.want {
			t.Errorf("%v is %s, want %s", test.err, got, test.want)
		}
	}
}

// BenchmarkResolve checks sessions in no order, as people come: among many, each check finds other memory.
func BenchmarkResolve(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			l := newLedger(b)
			cookies := make([]string, people)
			for i := range cookies {
				name := fmt.Sprint("user-", i)
				l.user(directory.SourceSCIM, name, "", true)
				cookies[i] = l.session(name, name)
			}
			s := l.service()
			rand.Shuffle(people, func(i, j int) { cookies[i], cookies[j] = cookies[j], cookies[i] })
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Resolve(b.Context(), cookies[i%people]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkResolve_parallel(b *testing.B) {
	l := newLedger(b)
	l.user(directory.SourceSCIM, "alice", "", true)
	cookie := l.session("alice", "sub")
	s := l.service()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Resolve(b.Context(), cookie); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
