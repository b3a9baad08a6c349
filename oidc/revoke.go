package oidc

import (
	"context"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// Global Token Revocation (draft-parecki-oauth-global-token-revocation), as Okta's Universal Logout sends it.
//
// What Okta documents: the caller authenticates with a JWT of type global-token-revocation+jwt, signed with the key of its
// ID tokens, with jti, iss (that of ID tokens), sub (our client id), aud (the address of this endpoint), exp (5 minutes
// ahead), nbf (5 minutes ago) and iat; subjects come in the formats email (the default) and iss_sub. The name of the
// subject's member differs: sub_id in the draft, subject in the draft's first versions and in Okta's own examples, so both
// are read. What is not documented: whether a retry carries a new JWT (we insist on it), and which issuer iss_sub names
// where the application is provisioned by SCIM (we know the connection's only). Nothing of it was seen from a live tenant.
// Of what others send we know the draft alone, which leaves authentication open; sub is compared where it is there.
const (
	revocationType = "global-token-revocation+jwt"
	revocationLife = 10 * time.Minute // of the caller's JWT, in both directions
)

// subjectID names a person (RFC 9493 §3.2).
type subjectID struct {
	format        string
	issuer, value string
}

// The formats that we know, and how long their values may be.
const (
	formatIssuerSubject = "iss_sub"
	formatEmail         = "email"
	formatOpaque        = "opaque"
)

// RevokeUser ends all sessions of a user of the connection's organization because its provider asks for it. The token is
// the caller's, the body the JSON request. The error is a *Refusal: ReasonRequest for a malformed request, ReasonTokenIssuer
// and ReasonTokenAudience for a good token that is not for this, ReasonSubjectUnknown, ReasonSubjectProtected, one of
// ClassUnavailable or ReasonProviderDown where the same request may come again, and any other for a token that is not good.
func (s *Service) RevokeUser(ctx context.Context, id directory.ConnectionID, token string, body []byte) error {
	return s.told(ctx, meansRevocation, id, s.revokeUser(ctx, id, token, body))
}

func (s *Service) revokeUser(ctx context.Context, id directory.ConnectionID, token string, body []byte) *Refusal {
	d, connection, refusal := s.serving(ctx, id)
	if refusal != nil {
		return refusal
	}
	claims, _, refusal := s.verifyStatement(ctx, connection, token, revocationType)
	if refusal != nil {
		return refusal
	}
	tokenID, expires, reason := judgeRevocation(claims, s.deps.Now(), connection, s.RevocationURI(connection.ID))
	if reason != "" {
		return refuse(reason, nil)
	}
	subject, ok := readSubject(body)
	if !ok {
		return refuse(ReasonRequest, nil)
	}
	user, reason := subject.find(d, connection)
	if reason != "" {
		return refuse(reason, nil)
	}
	return s.endSessions(ctx, connection, &command.EndSessions{
		User: user.ID, Cause: "provider revocation",
		Once:       onceFor(revocationType, connection.ID, tokenID),
		OnceExpiry: rememberUntil(expires),
	})
}

// RevocationURI is the address to register at the provider for one connection, and the audience of its tokens.
func (s *Service) RevocationURI(id directory.ConnectionID) string {
	return s.machineURI("/revoke/", id)
}

// judgeRevocation gives the token's id and end, and the reason why its claims are not acceptable, empty if they are.
func judgeRevocation(claims claimSet, now time.Time, connection *directory.Connection, audience string) (id string, expires time.Time, reason Reason) {
	for _, foreign := range []string{"nonce", "at_hash", "c_hash", "events"} {
		if claims.has(foreign) {
			return "", expires, ReasonTokenType // an ID token or a logout token
		}
	}
	if _, ok := issuedRecently(claims, now, revocationLife); !ok || !unexpired(claims, now) {
		return "", expires, ReasonTokenTime
	}
	seconds, _ := claims.seconds("exp")
	if expires = time.Unix(seconds, 0); expires.After(now.Add(revocationLife + clockSkew)) {
		return "", expires, ReasonTokenTime
	}
	id, ok := named(claims, "jti", maxTokenID)
	if !ok {
		return "", expires, ReasonTokenClaims
	}
	if issuer, _ := claims.text("iss"); issuer != connection.Issuer {
		return "", expires, ReasonTokenIssuer
	}
	if client, _ := claims.text("sub"); !addressed(claims, audience) || claims.has("sub") && client != connection.ClientID {
		return "", expires, ReasonTokenAudience
	}
	return id, expires, ""
}

// readSubject reads the request: one subject identifier with the members of its format and no others.
func readSubject(body []byte) (subjectID, bool) {
	request, err := parseClaims(body)
	if err != nil || request.has("sub_id") == request.has("subject") {
		return subjectID{}, false
	}
	raw := request["sub_id"]
	if raw == nil {
		raw = request["subject"]
	}
	members, err := parseClaims(raw)
	if err != nil {
		return subjectID{}, false
	}
	format, _ := members.text("format")
	subject := subjectID{format: format}
	wanted := 2
	var ok bool
	switch format {
	case formatIssuerSubject:
		wanted = 3
		subject.issuer, ok = named(members, "iss", directory.MaxIssuer)
		if ok {
			subject.value, ok = named(members, "sub", maxSubject)
		}
	case formatEmail:
		subject.value, ok = named(members, "email", maxHint)
	case formatOpaque:
		subject.value, ok = named(members, "id", maxSubject)
	}
	return subject, ok && len(members) == wanted
}

// find looks for the person in the connection's organization, and there only among those whom its provider answers for.
func (s *subjectID) find(d *state.Directory, connection *directory.Connection) (*directory.User, Reason) {
	if s.format == formatEmail {
		return usersAt(d, connection, directory.Fold(strings.TrimSpace(s.value)))
	}
	if s.format == formatIssuerSubject && s.issuer != connection.Issuer {
		return nil, ReasonSubjectUnknown
	}
	if link, ok := d.Link(connection.ID, connection.Issuer, s.value); ok {
		if user, ok := d.User(link.User); ok {
			return user, ""
		}
	}
	if s.format == formatOpaque {
		if user, ok := byExternalID(d, s.value); ok {
			return user, ""
		}
	}
	return nil, ReasonSubjectUnknown
}

// usersAt finds the one user with an address as userName or primary e-mail. Of several the provider does not say which.
func usersAt(d *state.Directory, connection *directory.Connection, address string) (*directory.User, Reason) {
	answersFor := func(user *directory.User) bool {
		return user.Source == directory.SourceSCIM && !elsewhere(d, connection, address) || linkedThrough(d, connection, user)
	}
	if user, ok := d.UserByName(address); ok && answersFor(user) {
		return user, ""
	}
	var found *directory.User
	for user := range d.UsersByEmail(address) {
		if directory.Fold(user.Email()) != address || !answersFor(user) {
			continue
		}
		if found != nil {
			return nil, ReasonSubjectProtected
		}
		found = user
	}
	switch {
	case found != nil:
		return found, ""
	case address == d.Organization().RootEmail:
		return nil, ReasonSubjectProtected // signs in without the provider, which has no say
	default:
		return nil, ReasonSubjectUnknown
	}
}
