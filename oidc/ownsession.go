package oidc

import (
	"context"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// causeOwn is why a session ended, in audit.
const causeOwn = "person"

// Sessions lists the sessions of the signed-in person, oldest first; who's own is among them. The error is a
// *directory.Error: KindForbidden for a break-glass session, KindUnavailable.
func (s *Service) Sessions(ctx context.Context, who Who) ([]*directory.Session, error) {
	if who.Kind == directory.SessionBreakGlass {
		return nil, directory.Errorf(directory.KindForbidden, "", "a break-glass session is for the settings of connections only")
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	d, ok := view.Directory(who.Organization.ID)
	if !ok {
		return nil, nil
	}
	var sessions []*directory.Session
	for session := range d.SessionsOf(who.User.Number) {
		if !session.Expired(s.now()) {
			sessions = append(sessions, session)
		}
	}
	return sessions, nil
}

// EndSession ends one session of the signed-in person, on every node as soon as it applies. The error is a
// *directory.Error: KindNotFound where the person has no such session, else as of Sessions.
func (s *Service) EndSession(ctx context.Context, who Who, id directory.SessionID) error {
	sessions, err := s.Sessions(ctx, who)
	if err != nil {
		return err
	}
	for _, session := range sessions {
		if session.ID == id {
			return s.end(ctx, who, id)
		}
	}
	return directory.Errorf(directory.KindNotFound, "", "you have no session with this id")
}

// EndOtherSessions ends every session of the signed-in person but the present one, and counts them. Where it fails some may
// have ended. Errors as of Sessions.
func (s *Service) EndOtherSessions(ctx context.Context, who Who) (int, error) {
	sessions, err := s.Sessions(ctx, who)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, session := range sessions {
		if session.ID == who.Session.ID {
			continue
		}
		if err := s.end(ctx, who, session.ID); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

func (s *Service) end(ctx context.Context, who Who, id directory.SessionID) error {
	_, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: who.Organization.ID, Actor: "user:" + string(who.User.ID),
		Payload: &command.EndSessions{ID: id, User: who.User.ID, Cause: causeOwn},
	})
	return err
}
