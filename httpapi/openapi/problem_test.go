package openapi_test

import (
	"testing"

	"domicile/httpapi/openapi"
	"domicile/httpapi/openapi/openapitest"
)

func TestSchemas_areTheTypes(t *testing.T) {
	openapitest.AreTheTypes(t, map[string]openapitest.Pair{"problem": {Schema: openapi.SchemaProblem, Value: openapi.Problem{}}})
}
