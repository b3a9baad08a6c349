package apps

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// TokenRequest is a form post of an application: what HTTP brought, not yet believed.
type TokenRequest struct {
	Authorization string     // the header
	Form          url.Values // of the body alone: credentials must not be in an address (RFC 6749 §2.3.1)
}

// once wants each parameter at most once (RFC 6749 §3.1, §3.2).
func once(values url.Values) *Error {
	for _, list := range values {
		if len(list) > 1 {
			return refuse(CodeInvalidRequest, "a parameter is given more than once")
		}
	}
	return nil
}

// application authenticates an application: by client_secret_basic or client_secret_post (RFC 6749 §2.3.1), not both; a public
// one only says who it is. Whoever fails learns only that it failed.
func (r *TokenRequest) application(view *state.View) (*directory.Application, error) {
	id, secret := directory.ApplicationID(r.Form.Get("client_id")), r.Form.Get("client_secret")
	if r.Authorization != "" {
		name, password, ok := basic(r.Authorization)
		switch {
		case !ok:
			return nil, refuse(CodeInvalidClient, "the Authorization header must be: Basic, and base64 of the client's id and secret")
		case r.Form.Has("client_secret"):
			return nil, refuse(CodeInvalidRequest, "send the client's secret once: by HTTP Basic, or as client_secret")
		case id != "" && id != name:
			return nil, refuse(CodeInvalidRequest, "client_id is not the client of the Authorization header")
		}
		id, secret = name, password
	}
	application, ok := view.Application(id)
	if !ok || !authentic(application, secret) {
		return nil, refuse(CodeInvalidClient, "the client's id or secret is not accepted")
	}
	return application, nil
}

// authentic compares a secret with the present one and, while a rotation is under way, with the one before. A public
// application has none and must send none: it would be somebody's mistake to think that it is checked.
func authentic(a *directory.Application, secret string) bool {
	if a.Public() {
		return secret == ""
	}
	hash := directory.Hash(seal.HashToken(secret))
	present := seal.EqualHash(a.SecretHash, hash)
	before := a.Rotating() && seal.EqualHash(a.PreviousHash, hash)
	return secret != "" && (present || before)
}

// basic reads an Authorization header (RFC 7617) whose parts are form-encoded (RFC 6749 §2.3.1). Our ids and secrets read
// the same encoded or not, so applications that forget to encode are served.
func basic(authorization string) (id directory.ApplicationID, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, password, found := strings.Cut(string(raw), ":")
	if err != nil || !found || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	name, errName := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	return directory.ApplicationID(name), secret, errors.Join(errName, errSecret) == nil
}
