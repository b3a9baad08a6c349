package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
)

// settingsBody is the region's settings, as they are read and as they are put.
type settingsBody struct {
	Plans             []planBody `json:"plans"`
	DefaultPlan       string     `json:"default_plan"`
	NewSCIM           string     `json:"new_scim"`
	SCIMWithoutSignIn bool       `json:"scim_without_sign_in"`
	RequestRate       int        `json:"request_rate"`
	Version           uint64     `json:"version"`
}

// planBody is what the organizations of a plan may use.
type planBody struct {
	Name   string `json:"name"`
	SignIn bool   `json:"sign_in"`
	SCIM   bool   `json:"scim"`
}

func settingsAnswer(s *directory.Settings) settingsBody {
	answer := settingsBody{
		Plans: []planBody{}, DefaultPlan: s.DefaultPlan, NewSCIM: s.NewSCIM.String(), SCIMWithoutSignIn: s.SCIMWithoutSignIn,
		RequestRate: s.RequestRate, Version: s.Version,
	}
	for _, plan := range s.Plans {
		answer.Plans = append(answer.Plans, planBody(plan))
	}
	return answer
}

func (a *api) getSettings(c *gin.Context) error {
	settings, err := a.Console.Settings(c.Request.Context())
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, settingsAnswer(settings))
}

func (a *api) putSettings(c *gin.Context) error {
	body := settingsBody{NewSCIM: directory.SCIMOff.String()}
	if err := openapi.ReadBody(c, schemaSettings, &body); err != nil {
		return err
	}
	newSCIM, err := directory.ParseProvisioningState(body.NewSCIM)
	if err != nil {
		return err
	}
	in := directory.Settings{
		DefaultPlan: body.DefaultPlan, NewSCIM: newSCIM, SCIMWithoutSignIn: body.SCIMWithoutSignIn,
		RequestRate: body.RequestRate, Version: body.Version,
	}
	for _, plan := range body.Plans {
		in.Plans = append(in.Plans, directory.Plan(plan))
	}
	settings, err := a.Console.PutSettings(c.Request.Context(), openapi.Actor(c), in)
	if err != nil {
		return err
	}
	return openapi.Answer(c, http.StatusOK, settingsAnswer(settings))
}

var (
	schemaPlanOf = &schema{
		Name: "Plan", Type: types{"object"},
		Properties: map[string]*schema{
			"name":    {Type: types{"string"}, MaxLength: 64},
			"sign_in": {Type: types{"boolean"}, Description: "Its organizations may sign in through OpenID Connect."},
			"scim":    {Type: types{"boolean"}, Description: "Its organizations may be provisioned by SCIM."},
		},
		Required: []string{"name", "sign_in", "scim"},
	}
	schemaSettings = &schema{
		Name: "Settings", Type: types{"object"}, Description: "What is not given has its default.",
		Properties: map[string]*schema{
			"plans": {
				Type: types{"array"}, MaxItems: directory.MaxPlans, Items: schemaPlanOf,
				Description: "Without any, every organization may use everything.",
			},
			"default_plan": {
				Type: types{"string"}, MaxLength: 64,
				Description: "The plan of organizations that name none. While there are plans and no default, those may use nothing.",
			},
			"new_scim": {
				Type: types{"string"}, Enum: schemaSCIMState.Enum,
				Description: "The SCIM state of new organizations whose maker does not say; off when not given.",
			},
			"scim_without_sign_in": {Type: types{"boolean"}, Description: "SCIM may be approved and activated before sign-in is live."},
			"request_rate": {
				Type: types{"integer"}, Minimum: -1, Maximum: 1_000_000, Default: 0,
				Description: "SCIM requests per second of one organization on one node; 0: 100; -1: no limit.",
			},
			"version": {
				Type: types{"integer"}, Description: "Names what was read. A put with another version than the present one is " +
					"refused (412); without one, or with 0, it replaces whatever is there.",
			},
		},
	}

	docGetSettings = &operation{
		ID: "getSettings", Tag: "Region", Summary: "Get the region's settings", Status: http.StatusOK, Response: schemaSettings,
	}
	docPutSettings = &operation{
		ID: "putSettings", Tag: "Region", Summary: "Replace the region's settings", Request: schemaSettings,
		Status: http.StatusOK, Response: schemaSettings, Refusals: []int{http.StatusConflict, http.StatusPreconditionFailed},
	}
)
