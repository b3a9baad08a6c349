// Package filter reads the filter and path language of RFC 7644 §3.4.2.2 and
// §3.5.2, resolves every name against a resource type, and tells whether a
// resource matches. It never guesses: a filter that cannot be evaluated exactly
// is an error, never "everything" or "nothing".
//
// Two points the RFC leaves open: ne is the opposite of eq, so it matches
// resources that lack the attribute; and a value that is a list satisfies an
// operator when one of its elements does.
package filter
