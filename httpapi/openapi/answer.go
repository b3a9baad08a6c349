package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"domicile/directory"
)

// WriteJSON answers with one JSON value. Values are ours and always marshal; a lost client is nobody's error.
func WriteJSON(c *gin.Context, status int, contentType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("marshal %T: %w", v, err))
	}
	c.Writer.Header()["Content-Type"] = []string{contentType}
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(body)
}

// Answer is WriteJSON for what a handler of the API has to say. The error is always nil, so that it may end a handler.
func Answer(c *gin.Context, status int, v any) error {
	WriteJSON(c, status, "application/json", v)
	return nil
}

// Created answers 201 with Location; the error is always nil.
func Created(c *gin.Context, location string, v any) error {
	c.Writer.Header()["Location"] = []string{location}
	return Answer(c, http.StatusCreated, v)
}

// NoContent answers 204; the error is always nil.
func NoContent(c *gin.Context) error {
	c.Writer.WriteHeader(http.StatusNoContent)
	return nil
}

// Instant is a ledger time in answers: RFC 3339, UTC, microseconds where there are any.
func Instant(t directory.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

// InstantOrNull is Instant, and nil for what has not happened or never will.
func InstantOrNull(t directory.Time) *time.Time {
	if t == 0 {
		return nil
	}
	at := Instant(t)
	return &at
}
