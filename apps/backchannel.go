package apps

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// logoutToken is OpenID Connect Back-Channel Logout §2.4.
type logoutToken struct {
	Issuer   string                  `json:"iss"`
	Audience directory.ApplicationID `json:"aud"`
	Subject  string                  `json:"sub"`
	Session  string                  `json:"sid"`
	ID       string                  `json:"jti"`
	Issued   int64                   `json:"iat"`
	Expires  int64                   `json:"exp"`
	Events   map[string]struct{}     `json:"events"`
}

const eventLogout = "http://schemas.openid.net/event/backchannel-logout"

// tell makes what tells an application that a session ended: where to post it, and the form. The address is empty when the
// application is gone or does not want to be told. Each call makes another token, because applications refuse one that they have
// seen. Errors: KindUnavailable.
func (s *Service) tell(ctx context.Context, errand *directory.Errand) (address, form string, err error) {
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil {
		return "", "", err
	}
	application, ok := view.Application(errand.Application)
	if !ok || application.BackChannelURI == "" {
		return "", "", nil
	}
	now := s.now()
	token, err := s.sign(view, typeLogoutToken, logoutToken{
		Issuer: s.issuer, Audience: application.ID, Subject: errand.Subject, Session: errand.Detail, ID: s.NewID(),
		Issued: seconds(now), Expires: seconds(s.after(TokenLife)), Events: map[string]struct{}{eventLogout: {}},
	})
	if err != nil {
		return "", "", err
	}
	return application.BackChannelURI, url.Values{"logout_token": {token}}.Encode(), nil
}

// DeliverLogout tells an application that a session ended (Back-Channel Logout §2.5). No error: it knows, or is not to be told;
// else the caller comes again.
func (s *Service) DeliverLogout(ctx context.Context, errand *directory.Errand) (err error) {
	defer func() {
		outcome := "ok"
		if err != nil {
			outcome = "failed"
		}
		s.outcomes.WithLabelValues("backchannel_logout", outcome).Inc()
	}()
	address, form, err := s.tell(ctx, errand)
	if err != nil || address == "" {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		return fmt.Errorf("application %s: its back-channel address is no address", errand.Application)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("application %s: %w", errand.Application, err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can serve the next one
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("application %s answered %d to a logout", errand.Application, resp.StatusCode)
	}
	return nil
}
