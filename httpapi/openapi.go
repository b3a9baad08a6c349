package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/directory"
	"domicile/httpapi/openapi"
)

// describe writes the OpenAPI document of the routes that have an operation.
func describe(routes []route, region directory.Region) ([]byte, error) {
	var described []openapi.Route
	for _, r := range routes {
		if r.doc != nil {
			described = append(described, openapi.Route{Method: r.method, Path: r.path, Doc: r.doc})
		}
	}
	return openapi.Document(described, region)
}

// getOpenAPI answers GET /api/v1/openapi.json.
func (a *api) getOpenAPI(c *gin.Context) error {
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"public, max-age=300"}
	h["Content-Type"] = []string{"application/json"}
	_, _ = c.Writer.Write(a.openAPI)
	return nil
}

var docOpenAPI = &openapi.Operation{
	ID: "getOpenAPI", Tag: "Meta", Summary: "Get this document", Public: true,
	Status: http.StatusOK, Response: &openapi.Schema{Type: openapi.Types{"object"}},
}
