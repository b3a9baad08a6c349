package admin

import (
	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
	"domicile/telemetry"
)

// organizationID reads the organization's id from the path.
func organizationID(c *gin.Context) (directory.OrganizationID, error) {
	id, err := openapi.PathID(c, "id")
	if err != nil {
		return "", err
	}
	telemetry.EventFrom(c.Request.Context()).SetOrganization(id)
	return directory.OrganizationID(id), nil
}

// pathIDs reads the ids of the organization and of something that it has from the path.
func pathIDs[ID ~string](c *gin.Context, name string) (directory.OrganizationID, ID, error) {
	org, err := organizationID(c)
	if err != nil {
		return "", "", err
	}
	id, err := openapi.PathID(c, name)
	return org, ID(id), err
}

func clientIDs(c *gin.Context) (directory.OrganizationID, directory.ClientID, error) {
	return pathIDs[directory.ClientID](c, "client")
}

func connectionIDs(c *gin.Context) (directory.OrganizationID, directory.ConnectionID, error) {
	return pathIDs[directory.ConnectionID](c, "connection")
}

func requestIDs(c *gin.Context) (directory.OrganizationID, directory.ConnectionRequestID, error) {
	return pathIDs[directory.ConnectionRequestID](c, "request")
}

func userIDs(c *gin.Context) (directory.OrganizationID, directory.ResourceID, error) {
	return pathIDs[directory.ResourceID](c, "user")
}
