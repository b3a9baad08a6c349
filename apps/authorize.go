package apps

import (
	"context"
	"crypto/sha256"
	"net/url"

	"domicile/directory"
	"domicile/fsm/state"
)

// Next is where a browser with an authorization request goes.
type Next struct {
	// Location is an address of the application: the answer. Empty: the person has to sign in first.
	Location string
	// Request is then to be kept in the browser, in the place of an older one, and given to Resume when the person is back, within
	// RequestLife. Demand says what the sign-in has to be.
	Request string
	// Hint is then whom the application expects (login_hint); empty: nobody in particular.
	Hint string
}

// Demand is what a request wants of the sign-in for it (OpenID Connect Core §3.1.2.1).
type Demand struct {
	Login  bool  // the person is to authenticate anew
	Select bool  // the person is to choose an account
	MaxAge int64 // seconds since the person authenticated; 0: no matter
}

// code is an authorization code (RFC 6749 §4.1.2), sealed for its application.
type code struct {
	ID        string         `json:"id"`
	Session   []byte         `json:"s"` // hash of its cookie
	Redirect  []byte         `json:"r"` // SHA-256 of the redirect URI that got it
	Challenge string         `json:"c"` // S256 (RFC 7636 §4.2)
	Nonce     string         `json:"n,omitempty"`
	Scopes    []string       `json:"p"`
	Expires   directory.Time `json:"exp"`
}

// Authorize answers an authorization request of a browser with this session cookie. Errors: *Error, with Redirect where the
// application may be told; KindUnavailable.
func (s *Service) Authorize(ctx context.Context, session string, values url.Values) (Next, error) {
	next, err := s.authorize(ctx, session, values)
	s.countNext("authorize", next, err)
	return next, err
}

func (s *Service) authorize(ctx context.Context, session string, values url.Values) (Next, error) {
	if fault := once(values); fault != nil {
		return Next{}, fault
	}
	id, redirect := directory.ApplicationID(values.Get("client_id")), values.Get("redirect_uri")
	view, err := s.registered(ctx, id, redirect)
	if err != nil {
		return Next{}, err
	}
	q, fault := s.read(view, values)
	if fault != nil {
		return Next{}, s.toApplication(q, fault)
	}
	return s.decide(ctx, q, session)
}

// ErrRequest says that a request that was kept is not good any more, and that the person has to begin at the application.
var ErrRequest = refuse(CodeInvalidRequest, "this sign-in took too long, or was begun in another browser")

// Resume goes on with the request that Authorize gave, when its person has signed in. Errors: those of Authorize, and
// ErrRequest.
func (s *Service) Resume(ctx context.Context, session, kept string) (Next, error) {
	next, err := s.resume(ctx, session, kept)
	s.countNext("resume", next, err)
	return next, err
}

func (s *Service) resume(ctx context.Context, session, kept string) (Next, error) {
	q, err := s.recall(ctx, kept)
	if err != nil {
		return Next{}, err
	}
	return s.decide(ctx, q, session)
}

// Abandon gives up a request that was kept, because its person cannot or will not sign in. It gives an error always: those of
// Resume, one of which tells the application.
func (s *Service) Abandon(ctx context.Context, kept string) error {
	q, err := s.recall(ctx, kept)
	if err == nil {
		err = s.toApplication(q, refuse(CodeAccessDenied, "the person went back without signing in"))
	}
	s.countNext("abandon", Next{}, err)
	return err
}

// Demand says what the sign-in for a request that was kept has to be. For one that is not good any more it is nothing: Resume
// refuses it.
func (s *Service) Demand(kept string) Demand {
	q, err := s.reopen(kept)
	if err != nil {
		return Demand{}
	}
	return q.demand()
}

func (s *Service) reopen(kept string) (*request, error) {
	q := new(request)
	if err := openText(s.requests, kept, "", q); err != nil || s.now() >= q.Expires {
		return nil, ErrRequest
	}
	return q, nil
}

// recall opens a request that was kept, if its application still has that redirect URI.
func (s *Service) recall(ctx context.Context, kept string) (*request, error) {
	q, err := s.reopen(kept)
	if err != nil {
		return nil, err
	}
	if _, err := s.registered(ctx, q.Application, q.Redirect); err != nil {
		return nil, err
	}
	return q, nil
}

// registered gives a view in which the application has this redirect URI.
func (s *Service) registered(ctx context.Context, id directory.ApplicationID, redirect string) (*state.View, error) {
	var fault *Error
	view, ok, err := s.find(ctx, func(view *state.View) bool {
		fault = register(view, id, redirect)
		return fault == nil
	})
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fault
	}
	return view, nil
}

// decide answers with a code, an error for the application, or the wish that somebody signs in.
func (s *Service) decide(ctx context.Context, q *request, session string) (Next, error) {
	who, err := s.Resolve(ctx, session)
	switch directory.KindOf(err) {
	case 0:
	case directory.KindUnauthenticated:
		return s.signIn(q)
	default:
		if q.Silent { // nobody sees a page there
			return Next{}, s.toApplication(q, refuse(CodeUnavailable, "try again in a moment; nobody was signed out"))
		}
		return Next{}, err
	}
	if who.Session.Kind == directory.SessionBreakGlass {
		return Next{}, s.toApplication(q, refuse(CodeAccessDenied, "an emergency session is for the settings of the connection only"))
	}
	if !q.suits(who) {
		return s.another(q, who.Session)
	}
	location, err := s.issue(q, who)
	return Next{Location: location}, err
}

// another wants a sign-in in the place of a session that does not suit. What a sign-in for the request did not mend, one more
// would not either; but where only the time is missing, the identity provider may be one that never says it: then it is told to
// authenticate the person now.
func (s *Service) another(q *request, session *directory.Session) (Next, error) {
	untold := q.MaxAge > 0 && !q.Again && knownAuthTime(session) == 0
	switch {
	case untold:
		q.Again, q.Seq = true, session.Seq
	case q.opened(session):
		return Next{}, s.toApplication(q, refuse(CodeLoginRequired,
			"the person who signed in was not asked to authenticate again, or is not the one that was meant"))
	}
	return s.signIn(q)
}

// signIn wants somebody to sign in.
func (s *Service) signIn(q *request) (Next, error) {
	if q.Silent {
		return Next{}, s.toApplication(q, refuse(CodeLoginRequired, "nobody is signed in in this browser, or not recently enough"))
	}
	kept, err := sealText(s.requests, q, "")
	if err != nil {
		return Next{}, err
	}
	if len(kept) > maxKept {
		return Next{}, s.toApplication(q, refuse(CodeInvalidRequest, "the request is too large: shorten state"))
	}
	return Next{Request: kept, Hint: q.hint}, nil
}

// maxKept leaves room for the name and the attributes of the cookie.
const maxKept = maxSealed - 300

// issue makes the code.
func (s *Service) issue(q *request, who Who) (string, error) {
	sum := sha256.Sum256([]byte(q.Redirect))
	text, err := sealText(s.codes, code{
		ID: s.NewID(), Session: who.Session.Hash[:], Redirect: sum[:], Challenge: q.Challenge, Nonce: q.Nonce, Scopes: q.Scopes,
		Expires: s.after(CodeLife),
	}, string(q.Application))
	if err != nil {
		return "", err
	}
	return s.answer(q, url.Values{"code": {text}}), nil
}

func (s *Service) countNext(request string, next Next, err error) {
	outcome := outcomeOf(err)
	if err == nil && next.Location == "" {
		outcome = "sign_in"
	}
	s.outcomes.WithLabelValues(request, outcome).Inc()
}
