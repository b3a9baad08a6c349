package openapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/directory"
)

// ReadBody reads a JSON body that fits the schema into v. Errors: 415 for another content type, 413 over the bound of the
// route's class, 400 with the member at fault.
func ReadBody(c *gin.Context, s *Schema, v any) error {
	mediaType, _, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &StatusError{http.StatusUnsupportedMediaType, "the body must be JSON: Content-Type: application/json"}
	}
	text, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return bodyError(err)
	}
	if len(text) == 0 {
		return directory.Errorf(directory.KindInvalid, "", "a JSON body is required")
	}
	return s.Decode(text, v)
}

// nothing is the only JSON value that a request without a body may have: some clients send it with every POST.
var nothing = &Schema{Type: Types{"object"}}

// Bodyless makes a handler of one that reads no body. What somebody sent and we would not read is refused: it was meant to
// say something.
func Bodyless(run Handler) Handler {
	return func(c *gin.Context) error {
		text, err := io.ReadAll(c.Request.Body)
		if err != nil {
			return bodyError(err)
		}
		if len(bytes.TrimSpace(text)) > 0 && nothing.Decode(text, &struct{}{}) != nil {
			return directory.Errorf(directory.KindInvalid, "", "no body is expected here; send none")
		}
		return run(c)
	}
}

// bodyError explains why a body could not be read: over its bound, or cut short by the client.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &directory.Error{Kind: directory.KindInvalid, Detail: "the body ends before its end", Err: err}
}
