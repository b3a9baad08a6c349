package admin

import (
	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/httpapi/openapi"
)

// queryPaging reads which page of a list is asked for.
func queryPaging(c *gin.Context) (console.Paging, error) {
	size, err := openapi.QueryInt(c, "page_size")
	return console.Paging{Size: size, Token: c.Query("page_token")}, err
}

// pagingParameters are those of queryPaging.
var pagingParameters = []parameter{
	{Name: "page_size", Description: "How many rows one answer has at most.", Schema: &schema{
		Type: types{"integer"}, Minimum: 1, Maximum: console.MaxPageSize, Default: console.DefaultPageSize,
	}},
	{Name: "page_token", Description: "The next_page_token of the answer before.", Schema: schemaText},
}

var schemaNextPage = &schema{Type: types{"string"}, Description: "Given while there is another page."}
