package apps

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
)

// Scopes of OpenID Connect Core §5.4.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
)

// Organization roles, as derived now: mappings of groups to roles are not here yet.
const (
	roleOwner  = "owner"  // the root user
	roleMember = "member" // everybody else
)

// maxTeams bounds the teams in an ID token, which comes back in the address of a logout, and in a header; proxies take a few
// KiB of either. maxTeamsAsked bounds those in a userinfo answer.
const (
	maxTeams      = 50
	maxTeamsAsked = 1000
)

const (
	typeIDToken     = "JWT"
	typeLogoutToken = "logout+jwt"
)

// Claims are what an application may know of the person behind a session. Members are claims of OpenID Connect Core §5.1, and
// of Back-Channel Logout §2.1 (sid) and IPSIE (session_expiry); organization, role and teams are ours.
type Claims struct {
	Subject       directory.ResourceID `json:"sub"`
	Name          string               `json:"name,omitempty"`
	UserName      string               `json:"preferred_username,omitempty"`
	Email         string               `json:"email,omitempty"`
	EmailVerified *bool                `json:"email_verified,omitempty"` // the address is in a domain of the organization's
	Organization  claimOrganization    `json:"organization"`
	Role          string               `json:"organization_role"`
	Teams         []claimTeam          `json:"teams"`
	TeamsCut      bool                 `json:"teams_truncated,omitempty"` // there are more than are listed
	Session       directory.SessionID  `json:"sid"`
	AuthTime      int64                `json:"auth_time"` // Unix seconds, as all times here
	Methods       []string             `json:"amr,omitempty"`
	Context       string               `json:"acr,omitempty"`
	SessionExpiry int64                `json:"session_expiry"`
}

type claimOrganization struct {
	ID    directory.OrganizationID `json:"id"`
	Slug  string                   `json:"slug"`
	Name  string                   `json:"name"`
	Phone *claimPhone              `json:"phone_policy,omitempty"` // for people whom the organization provisioned
}

// claimPhone is a directory.PhonePolicy, in the words of the API.
type claimPhone struct {
	MayChange   bool `json:"may_change"`
	MustConfirm bool `json:"must_confirm"`
}

type claimTeam struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// idToken is OpenID Connect Core §2.
type idToken struct {
	Claims
	Issuer     string                  `json:"iss"`
	Audience   directory.ApplicationID `json:"aud"`
	Issued     int64                   `json:"iat"`
	Expires    int64                   `json:"exp"`
	Nonce      string                  `json:"nonce,omitempty"`
	AccessHash string                  `json:"at_hash"`
}

// claimsOf derives the claims that the scopes allow.
func claimsOf(d *state.Directory, who Who, scopes []string, teams int) Claims {
	c := Claims{
		Subject:      who.User.ID,
		Organization: organizationOf(who),
		Role:         roleOf(who.User), Session: who.Session.ID, AuthTime: seconds(authTime(who.Session)),
		Methods: who.Session.Methods, Context: who.Session.Context, SessionExpiry: seconds(who.Session.Expires),
	}
	list, cut := teamsOf(d, who.User, teams)
	c.Teams, c.TeamsCut = make([]claimTeam, len(list)), cut
	for i, team := range list {
		c.Teams[i] = claimTeam(team)
	}
	if slices.Contains(scopes, scopeProfile) {
		c.Name, c.UserName = cmp.Or(who.User.DisplayName, who.User.UserName), who.User.UserName
	}
	if email := who.User.Email(); email != "" && slices.Contains(scopes, scopeEmail) {
		verified := isOfDomains(email, who.Organization.Domains)
		c.Email, c.EmailVerified = email, &verified
	}
	return c
}

// organizationOf gives the organization, and what it decides for those whom it provisioned: all others have their telephone
// number from themselves.
func organizationOf(who Who) claimOrganization {
	c := claimOrganization{ID: who.Organization.ID, Slug: who.Organization.Slug, Name: who.Organization.Name}
	if who.User.Source == directory.SourceSCIM {
		phone := claimPhone(who.Organization.Phone)
		c.Phone = &phone
	}
	return c
}

func roleOf(user *directory.User) string {
	if user.Source == directory.SourceRoot {
		return roleOwner
	}
	return roleMember
}

// teamsOf derives the teams of a person, by name: the automatic team of each group of the identity provider's that the person
// is directly in. At most limit are given; cut says that there are more.
func teamsOf(d *state.Directory, user *directory.User, limit int) (teams []directory.Team, cut bool) {
	for number := range d.GroupsOf(user.Number) {
		group, ok := d.GroupByNumber(number)
		if !ok || group.Source != directory.SourceSCIM {
			continue
		}
		if len(teams) == limit {
			cut = true
			break
		}
		teams = append(teams, directory.AutomaticTeam(d.Organization().ID, group))
	}
	slices.SortFunc(teams, func(a, b directory.Team) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return teams, cut
}

// isOfDomains tells whether a folded address is in one of the domains itself: only then does the organization's word for it
// count.
func isOfDomains(email string, domains []string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return slices.Contains(domains, domain)
}

// authTime is when the person authenticated, as far as anybody said.
func authTime(session *directory.Session) directory.Time {
	return cmp.Or(session.Authed, session.Created)
}

// knownAuthTime is when the person authenticated; 0 where the identity provider did not say, and was not told to do it for this
// session: it may have been long before.
func knownAuthTime(session *directory.Session) directory.Time {
	if session.Kind == directory.SessionSSO {
		return session.Authed
	}
	return session.Created
}

func seconds(t directory.Time) int64 { return int64(t) / 1_000_000 }

// halfHash is at_hash (OpenID Connect Core §3.1.3.6).
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
