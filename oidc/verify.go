package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
)

const (
	maxToken   = 32 << 10
	maxSubject = 255 // Core §2
)

// expectation is what an ID token has to match.
type expectation struct {
	issuer, clientID, nonce string
	algorithms              []string
	started                 time.Time // of the sign-in
	accessToken, code       string    // for at_hash and c_hash
	maxAge                  int64     // seconds that were asked for; 0: none
	contexts                []string  // acr values of which one was asked for; none: any will do
}

// verifyToken is the one place where an ID token is judged (Core §3.1.3.7). go-oidc checks signature, issuer, audience
// and expiry; everything that it leaves to its caller is checked here, and what it checks is checked again, so that the
// reason of a refusal is known and a change of the library cannot open a door.
//
// Whether the connection keeps to the algorithm is judged after it (Service.keepsTo): only of a token that is good otherwise it
// can be said that the provider offered another one.
func (s *Service) verifyToken(ctx context.Context, p *provider, raw string, want expectation) (claims claimSet, alg string, refusal *Refusal) {
	alg, id, refusal := checkForm(raw, want.algorithms)
	if refusal != nil {
		return nil, "", refusal
	}
	now := s.deps.Now()
	keys := &keySet{keys: p.keys, alg: alg, id: id}
	verifier := gooidc.NewVerifier(want.issuer, keys, &gooidc.Config{
		ClientID:             want.clientID,
		SupportedSigningAlgs: want.algorithms,
		Now:                  func() time.Time { return now.Add(-clockSkew) },
	})
	_, err := verifier.Verify(ctx, raw)
	switch {
	case keys.down != nil:
		return nil, "", refuse(ReasonProviderDown, keys.down)
	case keys.payload == nil:
		return nil, "", refuse(ReasonTokenSignature, err)
	}
	claims, parseErr := parseClaims(keys.payload)
	if parseErr != nil {
		return nil, "", refuse(ReasonTokenClaims, parseErr)
	}
	if reason := judge(claims, alg, now, want); reason != "" {
		return nil, "", refuse(reason, err)
	}
	if err != nil {
		return nil, "", refuse(ReasonTokenClaims, err)
	}
	return claims, alg, nil
}

// checkForm looks at the token before any key is touched: compact serialization, size, algorithm, type. A token may always
// be of no type or of type JWT, and of the types that are named besides.
func checkForm(raw string, algorithms []string, types ...string) (alg, id string, refusal *Refusal) {
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 {
		return "", "", refuse(ReasonTokenForm, nil)
	}
	header, err := headerOf(raw)
	if err != nil {
		return "", "", refuse(ReasonTokenForm, err)
	}
	alg, _ = header.text("alg")
	if _, ok := algorithmOf(alg); !ok || !slices.Contains(algorithms, alg) {
		return "", "", refuse(ReasonTokenAlgorithm, nil)
	}
	typ, _ := header.text("typ")
	isTyp := func(known string) bool { return strings.EqualFold(typ, known) }
	if header.has("typ") && !isTyp("JWT") && !slices.ContainsFunc(types, isTyp) {
		return "", "", refuse(ReasonTokenType, nil)
	}
	if header.has("crit") {
		return "", "", refuse(ReasonTokenForm, nil)
	}
	id, ok := header.text("kid")
	if header.has("kid") && !ok {
		return "", "", refuse(ReasonTokenForm, nil)
	}
	return alg, id, nil
}

// headerOf reads a token's header, which nobody has verified yet.
func headerOf(raw string) (claimSet, error) {
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return nil, err
	}
	return parseClaims(text)
}

// judge gives the reason why the claims are not acceptable, empty if they are.
func judge(claims claimSet, alg string, now time.Time, want expectation) Reason {
	if claims.has("events") {
		return ReasonTokenType // a logout token or security event (RFC 8417), not an ID token
	}
	if issuer, _ := claims.text("iss"); issuer != want.issuer {
		return ReasonTokenIssuer
	}
	audience := claims.audience()
	if len(audience) != 1 || audience[0] != want.clientID {
		return ReasonTokenAudience
	}
	if party, _ := claims.text("azp"); claims.has("azp") && party != want.clientID {
		return ReasonTokenAudience
	}
	if nonce, _ := claims.text("nonce"); subtle.ConstantTimeCompare([]byte(nonce), []byte(want.nonce)) != 1 {
		return ReasonTokenNonce
	}
	if !timely(claims, now, want.started) {
		return ReasonTokenTime
	}
	subject, ok := claims.text("sub")
	if !ok || subject == "" || len(subject) > maxSubject || strings.ContainsFunc(subject, unicode.IsControl) {
		return ReasonTokenSubject
	}
	if !hashMatches(claims, "at_hash", alg, want.accessToken) || !hashMatches(claims, "c_hash", alg, want.code) {
		return ReasonTokenHash
	}
	return judgeAuthentication(claims, now, want)
}

// judgeAuthentication checks that the person authenticated as was asked (Core §3.1.3.7 steps 12 and 13), and that the
// provider does not know the session to be over.
func judgeAuthentication(claims claimSet, now time.Time, want expectation) Reason {
	skew := int64(clockSkew / time.Second)
	at, ok := claims.seconds("auth_time")
	if claims.has("auth_time") && (!ok || at > now.Unix()+skew) {
		return ReasonTokenAuthTime
	}
	// The provider judges the age when it is asked, which was after the sign-in began.
	if want.maxAge > 0 && (!ok || at < want.started.Unix()-want.maxAge-skew) {
		return ReasonTokenAuthTime
	}
	if acr, _ := claims.text("acr"); len(want.contexts) > 0 && !slices.Contains(want.contexts, acr) {
		return ReasonTokenContext
	}
	if ends, ok := claims.seconds("session_expiry"); claims.has("session_expiry") && (!ok || ends <= now.Unix()) {
		return ReasonTokenTime
	}
	return ""
}

// timely checks exp, iat and nbf with the same small tolerance in both directions. A token made before the sign-in began
// belongs to another one.
func timely(claims claimSet, now, started time.Time) bool {
	skew := int64(clockSkew / time.Second)
	expires, ok := claims.seconds("exp")
	if !ok || expires+skew <= now.Unix() {
		return false
	}
	issued, ok := claims.seconds("iat")
	if !ok || issued > now.Unix()+skew || issued < started.Unix()-skew {
		return false
	}
	if !claims.has("nbf") {
		return true
	}
	from, ok := claims.seconds("nbf")
	return ok && from <= now.Unix()+skew
}

// hashMatches checks at_hash or c_hash where the provider sent one (Core §3.1.3.6): the left half of the value's hash.
func hashMatches(claims claimSet, name, alg, value string) bool {
	if !claims.has(name) {
		return true
	}
	got, _ := claims.text(name)
	suite, ok := algorithmOf(alg)
	if !ok {
		return false
	}
	h := suite.hash.New()
	h.Write([]byte(value))
	want := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:suite.hash.Size()/2])
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
