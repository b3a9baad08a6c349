// Package openapi is what the handlers of the API share: routes that carry their own description, the OpenAPI 3.1 document
// made of them, bodies read and checked against the same schemas, and answers in JSON.
// It never registers a route, lets anybody in, or asks a door.
package openapi
