// Package admin is the API under /api/v1 of those who run a region and its organizations: one file per noun, each with the
// handlers, the JSON that they read and write, its schemas and its part of the OpenAPI document; routes.go lists all URLs.
// It never decides who may come in, nor anything about organizations and people: the hallway lets callers in, the doors decide.
package admin
