package oidc

import (
	"context"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// Who is the person behind a session. The records are shared and immutable.
type Who struct {
	// Kind says how the person signed in. A session of directory.SessionBreakGlass acts for the root user, on the settings of
	// connections and nothing else: whoever asks who is signed in for any other purpose has to turn it away.
	Kind         directory.SessionKind
	User         *directory.User
	Organization *directory.Organization
	Session      *directory.Session
}

// Resolve finds who a session cookie belongs to, in this node's memory. Only a cookie that could be ours and is not there
// costs a confirmed view: the session may have been opened on another node a moment ago. The error is a *directory.Error:
// KindUnauthenticated when nobody is signed in with it (unknown, expired, ended, user not active), KindUnavailable when
// this node is cut off and cannot know; the caller answers 503 then, never 401.
func (s *Service) Resolve(ctx context.Context, cookieValue string) (Who, error) {
	who, ok, err := s.resolveAt(ctx, cookieValue, state.Local())
	if err == nil && !ok && strings.HasPrefix(cookieValue, s.SessionPrefix()) {
		who, ok, err = s.resolveAt(ctx, cookieValue, state.Confirmed())
	}
	if err != nil {
		s.deps.Metrics.checkUnavailable.Inc()
		return Who{}, err
	}
	if !ok {
		s.deps.Metrics.checkRefused.Inc()
		return Who{}, directory.Errorf(directory.KindUnauthenticated, "", "nobody is signed in")
	}
	s.deps.Metrics.checkOK.Inc()
	return who, nil
}

// SessionPrefix is what every session cookie of this region begins with.
func (s *Service) SessionPrefix() string { return "dom_" + s.deps.Identity.Region + "_session_" }

func (s *Service) resolveAt(ctx context.Context, cookieValue string, f state.Freshness) (Who, bool, error) {
	view, err := s.deps.Viewer.View(ctx, f)
	if err != nil {
		return Who{}, false, err
	}
	who, ok := s.lookup(view, cookieValue)
	return who, ok, nil
}

func (s *Service) lookup(view *state.View, cookieValue string) (Who, bool) {
	if cookieValue == "" || len(cookieValue) > 200 {
		return Who{}, false
	}
	now := s.now()
	session, ok := view.Session(seal.HashToken(cookieValue))
	if !ok || session.Expired(now) {
		return Who{}, false
	}
	d, ok := view.Directory(session.Organization)
	if !ok {
		return Who{}, false
	}
	user, ok := d.UserByNumber(session.UserNumber)
	if !ok || !user.Active {
		return Who{}, false
	}
	s.touch(session, now)
	return Who{Kind: session.Kind, User: user, Organization: d.Organization(), Session: session}, true
}

// Close ends the session of a cookie, on every node as soon as it applies. One that is not there is a no-op. The error is
// a *directory.Error of KindUnavailable: then the session may still be open.
func (s *Service) Close(ctx context.Context, cookieValue string) error {
	if cookieValue == "" {
		return nil
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	hash := directory.Hash(seal.HashToken(cookieValue))
	session, ok := view.Session(hash)
	if !ok {
		return nil
	}
	_, err = propose(ctx, s.deps.Proposer, command.Command{
		Organization: session.Organization,
		Actor:        "user:" + string(session.User),
		Payload:      &command.CloseSession{Hash: hash},
	})
	return err
}
