package oauth

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// Request is a form post of a client: what HTTP brought, not yet believed.
type Request struct {
	Authorization string     // the header
	Form          url.Values // of the body alone: credentials must not be in an address (RFC 6749 §2.3.1)
}

// once wants each parameter at most once (RFC 6749 §3.1, §3.2).
func once(values url.Values) error {
	for name, list := range values {
		if len(list) > 1 {
			return refuse(CodeInvalidRequest, "parameter %s is given more than once", name)
		}
	}
	return nil
}

// credentials reads who the client says it is: client_secret_basic or client_secret_post (RFC 6749 §2.3.1), not both.
func (r *Request) credentials() (id directory.ClientID, secret string, err error) {
	posted := directory.ClientID(r.Form.Get("client_id"))
	if r.Authorization == "" {
		if secret = r.Form.Get("client_secret"); posted == "" || secret == "" {
			return "", "", refuse(CodeInvalidClient, "send the client's id and secret, by HTTP Basic or as client_id and client_secret")
		}
		return posted, secret, nil
	}
	id, secret, ok := basic(r.Authorization)
	switch {
	case !ok:
		return "", "", refuse(CodeInvalidClient, "the Authorization header must be: Basic, and base64 of the client's id and secret")
	case r.Form.Has("client_secret"):
		return "", "", refuse(CodeInvalidRequest, "send the client's secret once: by HTTP Basic, or as client_secret")
	case posted != "" && posted != id:
		return "", "", refuse(CodeInvalidRequest, "client_id is not the client of the Authorization header")
	}
	return id, secret, nil
}

// basic reads an Authorization header (RFC 7617) whose parts are form-encoded (RFC 6749 §2.3.1). Our ids and secrets read
// the same encoded or not, so clients that forget to encode are served.
func basic(authorization string) (id directory.ClientID, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, password, found := strings.Cut(string(raw), ":")
	if err != nil || !found || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	name, errName := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	return directory.ClientID(name), secret, errors.Join(errName, errSecret) == nil
}

// client authenticates a client. Whoever fails learns only that it failed.
func (r *Request) client(view *state.View) (*directory.Client, error) {
	id, secret, err := r.credentials()
	if err != nil {
		return nil, err
	}
	client, ok := view.Client(id)
	if !ok || !seal.EqualHash(client.SecretHash, seal.HashToken(secret)) {
		return nil, refuse(CodeInvalidClient, "the client's id or secret is not accepted")
	}
	return client, nil
}

// served tells why no token of the organization would be of use, or nil. A paused organization gets tokens: its IdP is to
// come back later, not to fail.
func served(view *state.View, org directory.OrganizationID) *Error {
	d, ok := view.Directory(org)
	if !ok {
		return refuse(CodeUnauthorizedClient, "the organization is gone")
	}
	o := d.Organization()
	switch view.Settings().BarOf(o) { // a pause is no reason: tokens are good again after it
	case directory.BarState:
		return refuse(CodeUnauthorizedClient, "SCIM is not active for this organization: it is %s", o.SCIM)
	case directory.BarPlan:
		return refuse(CodeUnauthorizedClient, "the organization's plan does not include SCIM")
	}
	return nil
}

// outcomeOf names an error in metrics.
func outcomeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return string(e.Code)
	}
	return directory.KindOf(err).String()
}
