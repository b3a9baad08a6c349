package apps

import (
	"context"
	"net/url"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// Identity headers, in the order of Identity.Values. A proxy that copies them from our answer replaces what a client sent.
const (
	HeaderUser         = "X-Auth-User"
	HeaderEmail        = "X-Auth-Email"
	HeaderName         = "X-Auth-Name"
	HeaderOrganization = "X-Auth-Organization"
	HeaderRole         = "X-Auth-Organization-Role"
	HeaderTeams        = "X-Auth-Teams"
	HeaderSession      = "X-Auth-Session"
	// HeaderStart says, with a refusal, where signing in begins.
	HeaderStart = "X-Auth-Start"
)

// Headers lists the identity headers.
func Headers() []string {
	return []string{HeaderUser, HeaderEmail, HeaderName, HeaderOrganization, HeaderRole, HeaderTeams, HeaderSession}
}

// Identity is who is behind a request, in texts that a header can carry: printable ASCII.
type Identity struct {
	User, Email, Name, Organization, Role, Teams, Session string
}

// Values gives the values of Headers, in their order.
func (i *Identity) Values() []string {
	return []string{i.User, i.Email, i.Name, i.Organization, i.Role, i.Teams, i.Session}
}

// Verify judges a request by its session cookie alone, in this node's memory. E-mail and name are percent-encoded UTF-8, teams
// are ids with commas between. Errors: KindUnauthenticated; KindForbidden of a break-glass session; KindUnavailable when this
// node cannot know.
func (s *Service) Verify(ctx context.Context, session string) (identity Identity, err error) {
	defer s.count("verify", &err)
	who, err := s.Resolve(ctx, session)
	if err != nil {
		return Identity{}, err
	}
	if who.Session.Kind == directory.SessionBreakGlass {
		return Identity{}, directory.Errorf(directory.KindForbidden, "", "an emergency session opens no application")
	}
	view, err := s.Viewer.View(ctx, state.Local())
	if err != nil {
		return Identity{}, err
	}
	d, ok := view.Directory(who.Organization.ID)
	if !ok {
		return Identity{}, directory.Errorf(directory.KindUnauthenticated, "", "nobody is signed in")
	}
	name := who.User.DisplayName
	if name == "" {
		name = who.User.UserName
	}
	return Identity{
		User: string(who.User.ID), Email: url.PathEscape(who.User.Email()), Name: url.PathEscape(name),
		Organization: string(who.Organization.ID), Role: roleOf(who.User), Teams: teamIDs(d, who.User),
		Session: string(who.Session.ID),
	}, nil
}

func teamIDs(d *state.Directory, user *directory.User) string {
	teams, _ := teamsOf(d, user, maxTeams)
	if len(teams) == 0 {
		return ""
	}
	var list strings.Builder
	list.Grow(len(teams) * (len(teams[0].ID) + 1))
	for i, team := range teams {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(team.ID)
	}
	return list.String()
}

// StartURL is where a proxy sends people who have to sign in; it adds rd, where they wanted to go.
func (s *Service) StartURL() string { return s.origin + PathStart }

// maxReturn bounds an absolute address to go back to: it travels through the sign-in as a path of ours.
const maxReturn = 700

// ReturnsTo tells whether an absolute address is ours or an application's: its origin is that of our sign-in page, or of a
// redirect URI. Errors: KindUnavailable.
func (s *Service) ReturnsTo(ctx context.Context, address string) (bool, error) {
	if len(address) > maxReturn || strings.ContainsFunc(address, unsafe) {
		return false, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return false, nil
	}
	origin := originOf(address)
	if origin == "" || origin == s.origin {
		return origin != "", nil
	}
	_, ok, err := s.find(ctx, func(view *state.View) bool {
		for application := range view.Applications() {
			for _, uri := range application.RedirectURIs {
				if originOf(uri) == origin {
					return true
				}
			}
		}
		return false
	})
	return ok, err
}

// unsafe finds what a browser reads otherwise than we do: spaces, controls, backslashes, and fragments that a redirect loses.
func unsafe(r rune) bool { return r <= ' ' || r > '~' || r == '\\' || r == '#' }
