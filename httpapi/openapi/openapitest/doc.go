// Package openapitest compares schemas of the API with the types that are read or written.
// It never looks at values: what a handler puts into its answers is for other tests.
package openapitest
