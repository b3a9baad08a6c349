package oidctest

import "slices"

// Fault is one precise way of being wrong.
type Fault string

// Faults in the payload of the ID token.
const (
	IssWrong            Fault = "iss_wrong" // Faults.Foreign
	IssSlash            Fault = "iss_slash" // a trailing slash more, or less
	IssCase             Fault = "iss_case"  // scheme in capitals
	AudOther            Fault = "aud_other"
	AudMissing          Fault = "aud_missing"
	AudArray            Fault = "aud_array" // the client and another, no azp
	AzpForeign          Fault = "azp_foreign"
	NonceMissing        Fault = "nonce_missing"
	NonceOther          Fault = "nonce_other"
	IatMissing          Fault = "iat_missing"
	IatFuture           Fault = "iat_future" // +1 h
	IatOld              Fault = "iat_old"    // -48 h
	ExpMissing          Fault = "exp_missing"
	ExpPast             Fault = "exp_past"   // -1 h
	NbfFuture           Fault = "nbf_future" // +1 h
	SubMissing          Fault = "sub_missing"
	SubEmpty            Fault = "sub_empty"
	SubLong             Fault = "sub_long" // 300 bytes
	SubNumber           Fault = "sub_number"
	SubOther            Fault = "sub_other" // another, well-formed subject
	AtHashWrong         Fault = "at_hash_wrong"
	CHashWrong          Fault = "c_hash_wrong"
	EventsClaim         Fault = "events_claim"       // looks like a logout token
	DuplicateClaims     Fault = "duplicate_claims"   // sub twice, the second is another
	CaseFoldedClaims    Fault = "case_folded_claims" // SUB, ISS and ſub beside the real ones
	EmailVerifiedString Fault = "email_verified_string"
	EmailVerifiedFalse  Fault = "email_verified_false"
	BigToken            Fault = "big_token"  // 256 KiB
	ThinToken           Fault = "thin_token" // e-mail and profile at userinfo only
	AuthTimeMissing     Fault = "auth_time_missing"
	AuthTimeOld         Fault = "auth_time_old" // -48 h
)

// Faults in the header, the signature or the serialization of the ID token.
const (
	SigBad         Fault = "sig_bad"
	SigOtherKey    Fault = "sig_other_key" // unpublished key under the published kid
	AlgNone        Fault = "alg_none"
	AlgNoneMixed   Fault = "alg_none_mixed"   // "nOnE"
	AlgHS256Public Fault = "alg_hs256_public" // HMAC keyed with the RSA public key
	KidMissing     Fault = "kid_missing"
	KidUnknown     Fault = "kid_unknown"
	KeyUseEnc      Fault = "key_use_enc"
	KeyRSA1024     Fault = "key_rsa_1024"
	KeyAlgMismatch Fault = "key_alg_mismatch" // PS256 by a key published for RS256
	TypAccessToken Fault = "typ_at_jwt"
	CritUnknown    Fault = "crit_unknown"
	JSONSerialized Fault = "json_serialized"
	PayloadSwapped Fault = "payload_swapped" // signature of other claims
)

// Faults of the authorization endpoint.
const (
	ResponseIssMissing   Fault = "response_iss_missing"
	ResponseIssWrong     Fault = "response_iss_wrong" // Faults.Foreign
	ResponseStateMissing Fault = "response_state_missing"
	ResponseStateOther   Fault = "response_state_other"
	ResponseDuplicate    Fault = "response_duplicate" // code and state twice
	ResponseError        Fault = "response_error"     // access_denied, with HTML in its description
	IssNotSupported      Fault = "iss_not_supported"  // neither announced nor sent; always lasting
)

// Faults of the token endpoint.
const (
	TokenError     Fault = "token_error"    // 400 invalid_grant, with HTML in its description
	TokenClient    Fault = "token_client"   // 401 invalid_client
	TokenHang      Fault = "token_hang"     // no answer
	TokenFails     Fault = "token_fails"    // 500
	TokenRedirect  Fault = "token_redirect" // 307 to Faults.Foreign
	TokenHuge      Fault = "token_huge"     // 64 MiB
	TokenNoIDToken Fault = "token_no_id_token"
	PKCEIgnored    Fault = "pkce_ignored" // verifier not compared
	CodeReusable   Fault = "code_reusable"
	CodeBurnt      Fault = "code_burnt" // a client that is not let in uses the code up
)

// Faults of userinfo.
const (
	UserinfoOtherSub      Fault = "userinfo_other_sub"
	UserinfoNoSub         Fault = "userinfo_no_sub"
	UserinfoEmailVerified Fault = "userinfo_email_verified" // says true, whatever is so
	UserinfoOtherIss      Fault = "userinfo_other_iss"      // carries iss and aud of another
	UserinfoFails         Fault = "userinfo_fails"          // 500
	UserinfoHuge          Fault = "userinfo_huge"           // 64 MiB
)

// Faults of discovery and keys.
const (
	DiscoveryWrongIssuer Fault = "discovery_wrong_issuer" // Faults.Foreign
	DiscoverySlash       Fault = "discovery_slash"        // issuer with a trailing slash more, or less
	DiscoveryRedirect    Fault = "discovery_redirect"     // 307 to Faults.Foreign
	DiscoveryHuge        Fault = "discovery_huge"         // 64 MiB
	DiscoveryForeign     Fault = "discovery_foreign"      // authorization endpoint at Faults.Foreign
	DiscoveryForeignKeys Fault = "discovery_foreign_keys" // keys at Faults.Foreign
	DiscoveryFails       Fault = "discovery_fails"        // 500
	DiscoveryHang        Fault = "discovery_hang"
	DiscoveryHTML        Fault = "discovery_html"   // a page, not JSON
	DiscoveryNested      Fault = "discovery_nested" // 100,000 brackets
	PKCENotAnnounced     Fault = "pkce_not_announced"
	KeysFail             Fault = "keys_fail" // 500
	KeysHang             Fault = "keys_hang"
	KeysHuge             Fault = "keys_huge"    // 64 MiB
	KeysUnknown          Fault = "keys_unknown" // adds an unknown kty and a malformed key
	KeysDecoys           Fault = "keys_decoys"  // adds three more good keys
	KeysNoKid            Fault = "keys_no_kid"
)

// Faults of logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.4).
const (
	LogoutAlgNone    Fault = "logout_alg_none"
	LogoutSigBad     Fault = "logout_sig_bad"
	LogoutNoEvent    Fault = "logout_no_event"
	LogoutWrongEvent Fault = "logout_wrong_event"
	LogoutNonce      Fault = "logout_nonce"
	LogoutWrongAud   Fault = "logout_wrong_aud"
	LogoutWrongIss   Fault = "logout_wrong_iss"
	LogoutNoJTI      Fault = "logout_no_jti"
	LogoutSameJTI    Fault = "logout_same_jti"   // every token has the same jti
	LogoutOld        Fault = "logout_old"        // iat -1 h
	LogoutNoSubject  Fault = "logout_no_subject" // neither sub nor sid
	LogoutWrongTyp   Fault = "logout_wrong_typ"
)

// Faults is a script. A fault in Once happens the first time it can; one in
// Lasting happens until the next Script.
type Faults struct {
	Once    []Fault
	Lasting []Fault
	Foreign string // the other party of IssWrong, DiscoveryForeign …; "" = https://foreign.example
}

// Script replaces the script. Script(Faults{}) makes the provider correct
// again.
func (p *Provider) Script(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = Faults{Once: slices.Clone(f.Once), Lasting: slices.Clone(f.Lasting), Foreign: f.Foreign}
}

// fails reports whether the fault is to happen now, and uses it up if it was
// scripted once.
func (p *Provider) fails(f Fault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.script.Lasting, f) {
		return true
	}
	i := slices.Index(p.script.Once, f)
	if i < 0 {
		return false
	}
	p.script.Once = slices.Delete(p.script.Once, i, i+1)
	return true
}

// scripted reports whether the fault is on, without using it up: for faults
// that are properties of a provider rather than of one answer.
func (p *Provider) scripted(f Fault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.script.Lasting, f) || slices.Contains(p.script.Once, f)
}

func (p *Provider) foreign() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.script.Foreign != "" {
		return p.script.Foreign
	}
	return "https://foreign.example"
}
