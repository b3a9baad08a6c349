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
	email           string
	emailVouched    bool   // the provider stands for the address
	emailDenied     bool   // the provider says that the address is not verified
	domain          string // with shared providers: the organization's domain, else empty
	shared          bool   // every account in the world has this issuer
}

// identityOf reads a verified ID token.
func identityOf(claims claimSet, p profile) identity {
	var id identity
	id.issuer, _ = claims.text("iss")
	id.subject, _ = claims.text("sub")
	id.external, _ = claims.text(p.immutable)
	if p.domainClaim != "" {
		id.shared = true
		id.domain, _ = claims.text(p.domainClaim)
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
}

// readEmail takes the address and what is said about it from one document, never from two.
func (id *identity) readEmail(claims claimSet, p profile) {
	address, ok := claims.text("email")
	if !ok || address == "" {
		return
	}
	verified, said := claims.truth("email_verified")
	id.email = address
	id.emailVouched = verified || (!said && p.vouches)
	id.emailDenied = said && !verified
}

// complete tells whether userinfo has nothing to add.
func (id *identity) complete() bool { return id.email != "" && len(id.usernames) > 0 }

// askUserinfo adds what the ID token left out (Core §5.3). The answer must be about the same subject; it overrides
// nothing.
func (s *Service) askUserinfo(ctx context.Context, meta *metadata, id *identity, p profile, accessToken string) *Refusal {
	if meta.UserinfoEndpoint == "" || accessToken == "" {
		return nil
	}
	body, err := s.providers.fetch.get(ctx, endpointUserinfo, meta.UserinfoEndpoint, accessToken, maxAnswer)
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
