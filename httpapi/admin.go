package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

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

// bodyError explains why a body could not be read: over its bound, or cut short by the client.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &directory.Error{Kind: directory.KindInvalid, Detail: "the body ends before its end", Err: err}
}
