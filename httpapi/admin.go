package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/console"
	"domicile/directory"
)

// readBody reads a JSON body that fits the schema into v. Errors: 415 for another content type, 413 over the class's
// bound, 400 with the member at fault.
func readBody(c *gin.Context, s *schema, v any) error {
	mediaType, _, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &refusal{
			status: http.StatusUnsupportedMediaType, title: http.StatusText(http.StatusUnsupportedMediaType),
			detail: "the body must be JSON: Content-Type: application/json",
		}
	}
	text, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return bodyError(err)
	}
	if len(text) == 0 {
		return directory.Errorf(directory.KindInvalid, "", "a JSON body is required")
	}
	return s.decode(text, v)
}

// nothing is the only JSON value that a request without a body may have: some clients send it with every POST.
var nothing = &schema{Type: types{"object"}}

// bodyless makes a handler of one that reads no body. What somebody sent and we would not read is refused: it was meant to
// say something.
func bodyless(run handler) handler {
	return func(c *gin.Context) error {
		text, err := io.ReadAll(c.Request.Body)
		if err != nil {
			return bodyError(err)
		}
		if len(bytes.TrimSpace(text)) > 0 && nothing.decode(text, &struct{}{}) != nil {
			return directory.Errorf(directory.KindInvalid, "", "no body is expected here; send none")
		}
		return run(c)
	}
}

// queryInt reads an integer parameter, 0 when it is not given.
func queryInt(c *gin.Context, name string) (int, error) {
	text := c.Query(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, directory.Errorf(directory.KindInvalid, name, "%s must be an integer", name)
	}
	return n, nil
}

// queryPaging reads which page of a list is asked for.
func queryPaging(c *gin.Context) (console.Paging, error) {
	size, err := queryInt(c, "page_size")
	return console.Paging{Size: size, Token: c.Query("page_token")}, err
}

// pagingParameters are those of queryPaging.
var pagingParameters = []parameter{
	{"page_size", "How many rows one answer has at most.", &schema{
		Type: types{"integer"}, Minimum: 1, Maximum: console.MaxPageSize, Default: console.DefaultPageSize,
	}},
	{"page_token", "The next_page_token of the answer before.", schemaText},
}

var schemaNextPage = &schema{Type: types{"string"}, Description: "Given while there is another page."}

// queryWord reads a parameter that is one of a few words, "" when it is not given.
func queryWord(c *gin.Context, name string, words []string) (string, error) {
	word := c.Query(name)
	if word != "" && !slices.Contains(words, word) {
		return "", directory.Errorf(directory.KindInvalid, name, "%s must be one of %s", name, strings.Join(words, ", "))
	}
	return word, nil
}

// queryFlag reads a boolean parameter, nil when it is not given.
func queryFlag(c *gin.Context, name string) (*bool, error) {
	word, err := queryWord(c, name, schemaTruth.Enum)
	if err != nil || word == "" {
		return nil, err
	}
	flag := word == "true"
	return &flag, nil
}

var schemaTruth = &schema{Type: types{"string"}, Enum: []string{"true", "false"}}

// created answers 201 with Location.
func created(c *gin.Context, location string, v any) error {
	c.Writer.Header()["Location"] = []string{location}
	return answerJSON(c, http.StatusCreated, v)
}

// noContent answers 204.
func noContent(c *gin.Context) error {
	c.Writer.WriteHeader(http.StatusNoContent)
	return nil
}

// instant is a ledger time in answers: RFC 3339, UTC, microseconds where there are any.
func instant(t directory.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

// instantOrNull is instant, and nil for what has not happened or never will.
func instantOrNull(t directory.Time) *time.Time {
	if t == 0 {
		return nil
	}
	at := instant(t)
	return &at
}

// bodyError explains why a body could not be read: over its bound, or cut short by the client.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &directory.Error{Kind: directory.KindInvalid, Detail: "the body ends before its end", Err: err}
}
