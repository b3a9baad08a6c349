package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// newUserBody invites somebody by hand.
type newUserBody struct {
	Email       string `json:"email"`
	DisplayName string `json:"display_name"`
}

// userAnswer is a user as a list shows it.
type userAnswer struct {
	ID          directory.ResourceID `json:"id"`
	UserName    string               `json:"user_name"`
	DisplayName string               `json:"display_name"`
	Emails      []string             `json:"emails"` // folded, the primary one first
	ExternalID  string               `json:"external_id,omitempty"`
	Active      bool                 `json:"active"`
	Source      string               `json:"source"`
	Created     time.Time            `json:"created_at"`
	Modified    time.Time            `json:"updated_at"`
}

// wholeUserAnswer is a user with what belongs to it.
type wholeUserAnswer struct {
	userAnswer
	Groups  []groupAnswer   `json:"groups"` // direct ones
	Deleted *deletionAnswer `json:"deleted,omitempty"`
}

type groupAnswer struct {
	ID          directory.ResourceID `json:"id"`
	DisplayName string               `json:"display_name"`
}

// deletionAnswer tells when and by whom a user was deleted.
type deletionAnswer struct {
	At      time.Time  `json:"at"`
	Expires *time.Time `json:"expires_at"` // until when it may be restored; null: until it is erased
	Actor   string     `json:"actor"`
}

type usersAnswer struct {
	Users         []userAnswer `json:"users"`
	NextPageToken string       `json:"next_page_token,omitempty"`
}

// sources names who owns a user.
var sources = [...]string{
	directory.SourceSCIM: "scim", directory.SourceInvited: "invited", directory.SourceRoot: "root", directory.SourceJIT: "jit",
}

// sourceOf reads a name of sources; 0 for none of them.
func sourceOf(name string) directory.Source {
	return directory.Source(max(0, slices.Index(sources[1:], name)+1))
}

func userAnswerOf(u *directory.User) userAnswer {
	return userAnswer{
		ID: u.ID, UserName: u.UserName, DisplayName: u.DisplayName, Emails: append([]string{}, u.Emails...),
		ExternalID: u.ExternalID, Active: u.Active, Source: sources[u.Source],
		Created: openapi.Instant(u.Created), Modified: openapi.Instant(u.Modified),
	}
}

func wholeUserAnswerOf(u console.User) wholeUserAnswer {
	answer := wholeUserAnswer{userAnswer: userAnswerOf(u.User), Groups: []groupAnswer{}}
	for _, g := range u.Groups {
		answer.Groups = append(answer.Groups, groupAnswer{g.ID, g.DisplayName})
	}
	if u.Deleted != nil {
		answer.Deleted = &deletionAnswer{openapi.Instant(u.Deleted.Deleted), openapi.InstantOrNull(u.Deleted.Expires), u.Deleted.Actor}
	}
	return answer
}

func (a *api) listUsers(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	q := console.UserQuery{Prefix: c.Query("prefix")}
	source, err := openapi.QueryWord(c, "source", sources[1:])
	if err != nil {
		return err
	}
	q.Source = sourceOf(source)
	if q.Active, err = openapi.QueryFlag(c, "active"); err != nil {
		return err
	}
	if q.Paging, err = queryPaging(c); err != nil {
		return err
	}
	page, err := a.Console.ListUsers(c.Request.Context(), org, q)
	if err != nil {
		return err
	}
	answer := usersAnswer{Users: []userAnswer{}, NextPageToken: page.NextPageToken}
	for _, u := range page.Users {
		answer.Users = append(answer.Users, userAnswerOf(u))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) getUser(c *gin.Context) error {
	org, id, err := userIDs(c)
	if err != nil {
		return err
	}
	u, err := a.Console.GetUser(c.Request.Context(), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, wholeUserAnswerOf(u))
}

func (a *api) inviteUser(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body newUserBody
	if err := openapi.ReadBody(c, schemaNewUser, &body); err != nil {
		return err
	}
	u, err := a.Console.InviteUser(c.Request.Context(), openapi.Actor(c), org, console.NewUser{Email: body.Email, DisplayName: body.DisplayName})
	if err != nil {
		return err
	}
	return openapi.Created(c, pathOrganizations+"/"+string(org)+"/users/"+string(u.ID), userAnswerOf(u))
}

func (a *api) deleteUser(c *gin.Context) error {
	org, id, err := userIDs(c)
	if err != nil {
		return err
	}
	erase, err := openapi.QueryFlag(c, "erase")
	if err != nil {
		return err
	}
	if err := a.Console.DeleteUser(c.Request.Context(), openapi.Actor(c), org, id, orZero(erase)); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaEmail       = &schema{Type: types{"string"}, MaxLength: 254}
	schemaDisplayName = &schema{Type: types{"string"}, MaxLength: 200}
	schemaSource      = &schema{
		Type: types{"string"}, Enum: sources[1:],
		Description: "Who owns the user: the IdP, people who invite by hand, or, for the root user, nobody.",
	}

	schemaNewUser = &schema{
		Name: "NewUser", Type: types{"object"},
		Properties: map[string]*schema{"email": schemaEmail, "display_name": schemaDisplayName}, Required: []string{"email"},
	}
	schemaUser      = &schema{Name: "User", Type: types{"object"}, Properties: userProperties(), Required: userRequired}
	schemaWholeUser = &schema{
		Name: "UserWithGroups", Type: types{"object"}, Properties: func() map[string]*schema {
			properties := userProperties()
			properties["groups"] = &schema{Type: types{"array"}, Items: schemaUserGroup, Description: "Those that it is a direct member of."}
			properties["deleted"] = schemaDeletion
			return properties
		}(),
		Required: append([]string{"groups"}, userRequired...),
	}
	schemaUserGroup = &schema{
		Name: "UserGroup", Type: types{"object"},
		Properties: map[string]*schema{"id": schemaText, "display_name": schemaText}, Required: []string{"id", "display_name"},
	}
	schemaDeletion = &schema{
		Name: "Deletion", Type: types{"object"}, Description: "Given for a user that was deleted and may be restored.",
		Properties: map[string]*schema{
			"at": schemaTime, "actor": schemaText,
			"expires_at": {Type: types{"string", "null"}, Format: "date-time", Description: "Null: it stays until somebody erases it."},
		},
		Required: []string{"at", "expires_at", "actor"},
	}
	schemaUsers = &schema{
		Name: "Users", Type: types{"object"},
		Properties: map[string]*schema{"users": {Type: types{"array"}, Items: schemaUser}, "next_page_token": schemaNextPage},
		Required:   []string{"users"},
	}

	docListUsers = &operation{
		ID: "listUsers", Tag: "Users", Summary: "List an organization's users",
		Query: append([]parameter{
			{Name: "source", Description: "Only users of this source.", Schema: schemaSource},
			{Name: "active", Description: "Only users that are active, or that are not.", Schema: openapi.SchemaTruth},
			{Name: "prefix", Description: "Only users whose user name begins so, in any letter case; they come by name.", Schema: schemaText},
		}, pagingParameters...),
		Status: http.StatusOK, Response: schemaUsers,
	}
	docGetUser = &operation{
		ID: "getUser", Tag: "Users", Summary: "Get a user, also a deleted one that may be restored",
		Status: http.StatusOK, Response: schemaWholeUser,
	}
	docInviteUser = &operation{
		ID: "inviteUser", Tag: "Users", Summary: "Make a user by hand", Request: schemaNewUser,
		Description: "The address becomes the user name. The organization's IdP does not see the user.",
		Status:      http.StatusCreated, Response: schemaUser, Location: true, Refusals: []int{http.StatusConflict},
	}
	docDeleteUser = &operation{
		ID: "deleteUser", Tag: "Users", Summary: "Delete a user that was made by hand",
		Description: "The user may be restored as long as the organization's delete policy says, unless it is erased.",
		Query:       []parameter{{Name: "erase", Description: "Delete it for good.", Schema: openapi.SchemaTruth}},
		Status:      http.StatusNoContent, Refusals: []int{http.StatusConflict},
	}
)

var userRequired = []string{"id", "user_name", "display_name", "emails", "active", "source", "created_at", "updated_at"}

func userProperties() map[string]*schema {
	return map[string]*schema{
		"id": schemaText, "user_name": schemaText, "display_name": schemaText, "external_id": schemaText,
		"emails": {Type: types{"array"}, Items: schemaText, Description: "In lower case, the primary one first."},
		"active": schemaFlag, "source": schemaSource, "created_at": schemaTime, "updated_at": schemaTime,
	}
}
