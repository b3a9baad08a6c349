package oidc

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"

	"domicile/directory"
)

// identity is whom a provider says that it has authenticated.
type identity struct {
	issuer, subject string
	external        string // the provider's own immutable id, empty if there is none
	usernames       []string
	name            string // what the person is called, empty if it is not said
	email           string
	emailVouched    bool   // the provider stands for the address
	emailDenied     bool   // the provider says that the address is not verified
	domain          string // with shared providers: the organization's domain, else empty
	shared          bool   // every account in the world has this issuer
	token           string // the ID token, where the provider takes it as a hint when the person signs out; else empty
	signed          signature

	authentication
}

// authentication is what an ID token says about how and when the person authenticated.
type authentication struct {
	sid     string   // the provider's own name of its session
	methods []string // amr
	context string   // acr
	at      int64    // auth_time, unix seconds; 0: not said
	ends    int64    // session_expiry: until when the provider's session lasts at most, unix seconds; 0: not said
}

func authenticationOf(claims claimSet) authentication {
	var a authentication
	if sid, ok := claims.text("sid"); ok && len(sid) <= directory.MaxSessionText {
		a.sid = sid // a longer one would be cut, and name no session
	}
	a.methods = claims.texts("amr")
	a.context, _ = claims.text("acr")
	a.at, _ = claims.seconds("auth_time")
	a.ends, _ = claims.seconds("session_expiry")
	return a
}

// identityOf reads a verified ID token.
func identityOf(claims claimSet, p *directory.ProviderProfile) identity {
	id := identity{authentication: authenticationOf(claims)}
	id.issuer, _ = claims.text("iss")
	id.subject, _ = claims.text("sub")
	id.external, _ = claims.text(p.Immutable)
	if p.DomainClaim != "" {
		id.shared = true
		id.domain, _ = claims.text(p.DomainClaim)
	}
	id.readNames(claims)
	id.readEmail(claims, p)
	return id
}

func (id *identity) readNames(claims claimSet) {
	for _, name := range []string{"preferred_username", "upn"} {
		if value, ok := claims.text(name); ok && value != "" {
			id.usernames = append(id.usernames, value)
		}
	}
	if id.name == "" {
		id.name, _ = claims.text("name")
	}
}

// readEmail takes the address and what is said about it from one document, never from two.
func (id *identity) readEmail(claims claimSet, p *directory.ProviderProfile) {
	address, ok := claims.text("email")
	if !ok || address == "" {
		return
	}
	verified, said := claims.truth("email_verified")
	if !said && p.VerifiedClaim != "" {
		verified, said = claims.truth(p.VerifiedClaim)
	}
	id.email = address
	id.emailVouched = verified || (!said && p.Vouches)
	id.emailDenied = said && !verified
}

// complete tells whether userinfo has nothing to add.
func (id *identity) complete() bool { return id.email != "" && len(id.usernames) > 0 }

// askUserinfo adds what the ID token left out (Core §5.3). The answer must be about the same subject; it overrides
// nothing.
func (s *Service) askUserinfo(ctx context.Context, meta *metadata, id *identity, p *directory.ProviderProfile, accessToken string) *Refusal {
	if meta.UserinfoEndpoint == "" || accessToken == "" {
		return nil
	}
	body, _, err := s.providers.fetch.get(ctx, endpointUserinfo, meta.UserinfoEndpoint, accessToken, maxAnswer)
	if err != nil {
		return refuse(ReasonUserinfo, err)
	}
	claims, err := parseClaims(body)
	if err != nil {
		return refuse(ReasonUserinfo, err)
	}
	if subject, ok := claims.text("sub"); !ok || subject != id.subject {
		return refuse(ReasonUserinfoSubject, errors.New("userinfo is about somebody else"))
	}
	if len(id.usernames) == 0 {
		id.readNames(claims)
	}
	if id.email == "" {
		id.readEmail(claims, p)
	}
	return nil
}

// emailDomain gives the folded domain of an address, empty unless the address is one that reads the same before and after
// Unicode normalization: no look-alike of @ or of a letter.
func emailDomain(address string) string {
	address = strings.TrimSpace(address)
	if len(address) > maxHint || !norm.NFKC.IsNormalString(address) {
		return ""
	}
	return directory.EmailDomain(address)
}
