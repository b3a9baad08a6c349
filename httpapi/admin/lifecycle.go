package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
	"domicile/httpapi/openapi"
)

// convertBody hands users over.
type convertBody struct {
	IDs []directory.ResourceID `json:"ids"`
	To  string                 `json:"to"`
}

type convertAnswer struct {
	Converted int `json:"converted"`
}

// renameBody calls every user by the primary e-mail address, or tells what that would do.
type renameBody struct {
	DryRun bool `json:"dry_run"`
}

// renameAnswer is a plan, or what was done. The lists are cut at maxPlanned rows, the counts are whole.
type renameAnswer struct {
	DryRun         bool              `json:"dry_run"`
	Count          int               `json:"count"`
	Renames        []renameStep      `json:"renames"`
	CollisionCount int               `json:"collision_count"`
	Collisions     []renameCollision `json:"collisions"`
}

type renameStep struct {
	ID   directory.ResourceID `json:"id"`
	From string               `json:"from"`
	To   string               `json:"to"`
}

type renameCollision struct {
	ID      directory.ResourceID `json:"id"`
	Address string               `json:"address"`
	With    directory.ResourceID `json:"with"` // who keeps the address, or gets it
}

const maxPlanned = 1000

type deletedUsersAnswer struct {
	Users         []wholeUserAnswer `json:"deleted_users"`
	NextPageToken string            `json:"next_page_token,omitempty"`
}

func (a *api) convertUsers(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body convertBody
	if err := openapi.ReadBody(c, schemaConvert, &body); err != nil {
		return err
	}
	n, err := a.Console.ConvertUsers(c.Request.Context(), openapi.Actor(c), org, body.IDs, sourceOf(body.To))
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, convertAnswer{n})
}

func (a *api) renameUsers(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	var body renameBody
	if err := openapi.ReadBody(c, schemaRename, &body); err != nil {
		return err
	}
	var plan console.RenamePlan
	if body.DryRun {
		plan, err = a.Console.PlanRename(c.Request.Context(), org)
	} else {
		plan, err = a.Console.RenameUsers(c.Request.Context(), openapi.Actor(c), org)
	}
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, renameAnswerOf(plan, body.DryRun))
}

func renameAnswerOf(plan console.RenamePlan, dryRun bool) renameAnswer {
	answer := renameAnswer{
		DryRun: dryRun, Count: len(plan.Renames), CollisionCount: len(plan.Collisions),
		Renames: []renameStep{}, Collisions: []renameCollision{},
	}
	for _, r := range plan.Renames[:min(len(plan.Renames), maxPlanned)] {
		answer.Renames = append(answer.Renames, renameStep{r.User.ID, r.User.UserName, r.To})
	}
	for _, r := range plan.Collisions[:min(len(plan.Collisions), maxPlanned)] {
		answer.Collisions = append(answer.Collisions, renameCollision{r.User.ID, r.Address, r.With.ID})
	}
	return answer
}

func (a *api) listDeletedUsers(c *gin.Context) error {
	org, err := organizationID(c)
	if err != nil {
		return err
	}
	paging, err := queryPaging(c)
	if err != nil {
		return err
	}
	page, err := a.Console.ListDeletedUsers(c.Request.Context(), org, paging)
	if err != nil {
		return err
	}
	answer := deletedUsersAnswer{Users: []wholeUserAnswer{}, NextPageToken: page.NextPageToken}
	for _, u := range page.Users {
		answer.Users = append(answer.Users, wholeUserAnswerOf(u))
	}
	return openapi.Answer(c, http.StatusOK, answer)
}

func (a *api) restoreUser(c *gin.Context) error {
	org, id, err := userIDs(c)
	if err != nil {
		return err
	}
	u, err := a.Console.RestoreUser(c.Request.Context(), openapi.Actor(c), org, id)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, wholeUserAnswerOf(u))
}

func (a *api) eraseUser(c *gin.Context) error {
	org, id, err := userIDs(c)
	if err != nil {
		return err
	}
	if err := a.Console.EraseUser(c.Request.Context(), openapi.Actor(c), org, id); err != nil {
		return err
	}
	return openapi.NoContent(c)
}

var (
	schemaConvert = &schema{
		Name: "UserConversion", Type: types{"object"},
		Properties: map[string]*schema{
			"ids": {
				Type: types{"array"}, MaxItems: directory.MaxConvert,
				Items: &schema{Type: types{"string"}, MaxLength: openapi.MaxPathID},
			},
			"to": {Type: types{"string"}, Enum: []string{"scim", "invited"}},
		},
		Required: []string{"ids", "to"},
	}
	schemaConverted = &schema{
		Name: "UserConversionResult", Type: types{"object"},
		Properties: map[string]*schema{
			"converted": {Type: types{"integer"}, Description: "How many users were of another source before."},
		},
		Required: []string{"converted"},
	}
	schemaRename = &schema{
		Name: "UserRenaming", Type: types{"object"},
		Properties: map[string]*schema{
			"dry_run": {Type: types{"boolean"}, Description: "Tell what it would do, and do nothing."},
		},
		Required: []string{"dry_run"},
	}
	schemaRenamed = &schema{
		Name: "UserRenamingResult", Type: types{"object"}, Description: "The lists hold the first 1,000 rows, the counts all.",
		Properties: map[string]*schema{
			"dry_run": schemaFlag, "count": {Type: types{"integer"}}, "collision_count": {Type: types{"integer"}},
			"renames": {Type: types{"array"}, Items: &schema{
				Type:       types{"object"},
				Properties: map[string]*schema{"id": schemaText, "from": schemaText, "to": schemaText},
				Required:   []string{"id", "from", "to"},
			}},
			"collisions": {Type: types{"array"}, Items: &schema{
				Type: types{"object"},
				Properties: map[string]*schema{
					"id": schemaText, "address": schemaText,
					"with": {Type: types{"string"}, Description: "The user that keeps the address, or would get it first."},
				},
				Required: []string{"id", "address", "with"},
			}},
		},
		Required: []string{"dry_run", "count", "renames", "collision_count", "collisions"},
	}
	schemaDeletedUsers = &schema{
		Name: "DeletedUsers", Type: types{"object"},
		Properties: map[string]*schema{
			"deleted_users": {Type: types{"array"}, Items: schemaWholeUser}, "next_page_token": schemaNextPage,
		},
		Required: []string{"deleted_users"},
	}

	docConvertUsers = &operation{
		ID: "convertUsers", Tag: "Users", Summary: "Hand users over to the IdP, or take them from it", Request: schemaConvert,
		Description: "All or none. The root user cannot be converted.", Status: http.StatusOK, Response: schemaConverted,
	}
	docRenameUsers = &operation{
		ID: "renameUsers", Tag: "Users", Summary: "Call every user by the primary e-mail address", Request: schemaRename,
		Description: "All or none: while names collide it is refused, and a dry run names the collisions. The root user keeps its name.",
		Status:      http.StatusOK, Response: schemaRenamed, Refusals: []int{http.StatusConflict},
	}
	docListDeletedUsers = &operation{
		ID: "listDeletedUsers", Tag: "Users", Summary: "List the deleted users that may be restored, the last deleted first",
		Query: pagingParameters, Status: http.StatusOK, Response: schemaDeletedUsers,
	}
	docRestoreUser = &operation{
		ID: "restoreUser", Tag: "Users", Summary: "Bring a deleted user back as it was", Status: http.StatusOK,
		Response: schemaWholeUser, Refusals: []int{http.StatusConflict},
	}
	docEraseUser = &operation{
		ID: "eraseUser", Tag: "Users", Summary: "Erase a deleted user for good", Status: http.StatusNoContent,
	}
)
