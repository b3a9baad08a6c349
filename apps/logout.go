package apps

import (
	"context"
	"net/url"
	"slices"

	"domicile/directory"
	"domicile/fsm/state"
)

// Goodbye is what a logout request of an application comes to.
type Goodbye struct {
	// Ask: the person has to say that this is wanted, because no ID token of this very session vouches for it.
	Ask bool
	// Location is the application's address to go to when the session has ended; empty: stay here.
	Location string
	// Kept is Location for a browser that first goes to its identity provider: to be kept there and given to Onward when it is
	// back. Empty where there is no Location, or where it does not fit a cookie.
	Kept string
	// Application and Person are what to call them when asking; Application is empty where none is named.
	Application string
	Person      string
	// Parameters are to be sent back with the answer.
	Parameters url.Values
}

// farewell is where an application wants a browser after a logout, sealed.
type farewell struct {
	Application directory.ApplicationID `json:"app"`
	Redirect    string                  `json:"uri"`
	State       string                  `json:"state,omitempty"`
	Expires     directory.Time          `json:"exp"`
}

func (f *farewell) location() string {
	answer := make(url.Values)
	if f.State != "" {
		answer.Set("state", f.State)
	}
	return withQuery(f.Redirect, answer)
}

// Logout judges a logout request (OpenID Connect RP-Initiated Logout §2) of a browser with this session cookie. The caller ends
// the session. Errors: *Error without Redirect; KindUnavailable.
func (s *Service) Logout(ctx context.Context, session string, values url.Values) (bye Goodbye, err error) {
	defer s.count("logout", &err)
	if fault := once(values); fault != nil {
		return Goodbye{}, fault
	}
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil {
		return Goodbye{}, err
	}
	hint, vouched := s.readHint(view, values.Get("id_token_hint"))
	id := directory.ApplicationID(values.Get("client_id"))
	switch {
	case vouched && id != "" && id != hint.Audience:
		return Goodbye{}, refuse(CodeInvalidRequest, "client_id is not the application of id_token_hint")
	case vouched:
		id = hint.Audience
	}
	if fault := s.destination(view, id, values, &bye); fault != nil {
		return Goodbye{}, fault
	}
	who, err := s.Resolve(ctx, session)
	switch directory.KindOf(err) {
	case 0:
		bye.Ask = !vouched || hint.Session != who.Session.ID
		bye.Person = who.User.DisplayName
	case directory.KindUnauthenticated:
		return bye, nil // nothing to end
	default:
		return Goodbye{}, err
	}
	return bye, nil
}

// destination finds out where to go afterwards.
func (s *Service) destination(view *state.View, id directory.ApplicationID, values url.Values, bye *Goodbye) *Error {
	bye.Parameters = make(url.Values)
	application, known := view.Application(id)
	if known {
		bye.Application = application.Name
		bye.Parameters.Set("client_id", string(id))
	}
	redirect, echo := values.Get("post_logout_redirect_uri"), values.Get("state")
	if redirect == "" {
		return nil
	}
	if !known || !slices.Contains(application.LogoutURIs, redirect) {
		return refuse(CodeInvalidRequest, "post_logout_redirect_uri is not one of those that were registered for this application")
	}
	f := farewell{Application: id, Redirect: redirect, Expires: s.after(RequestLife)}
	bye.Parameters.Set("post_logout_redirect_uri", redirect)
	if echo != "" && len(echo) <= maxState {
		bye.Parameters.Set("state", echo)
		f.State = echo
	}
	bye.Location = f.location()
	if kept, err := sealText(s.farewells, f, ""); err == nil && len(kept) <= maxKept {
		bye.Kept = kept
	}
	return nil
}

// Onward gives where a browser goes that was at its identity provider to be signed out: the Location of what was kept, if it is
// not older than RequestLife and the application still has that address; else nothing.
func (s *Service) Onward(ctx context.Context, kept string) string {
	var f farewell
	if err := openText(s.farewells, kept, "", &f); err != nil || s.now() >= f.Expires {
		return ""
	}
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil {
		return ""
	}
	application, ok := view.Application(f.Application)
	if !ok || !slices.Contains(application.LogoutURIs, f.Redirect) {
		return ""
	}
	return f.location()
}
