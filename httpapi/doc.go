// Package httpapi is the hallway of the house: every URL in a table that routes.go gathers,
// and around each of them the same walk of bounds, events, spans, authentication, rendering and errors in the protocol of
// the door behind it.
// It never decides anything about organizations, people or sign-ins: it asks the doors.
package httpapi
