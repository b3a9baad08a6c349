// Package directory holds the nouns of the product and their pure rules: settings, organizations, people, groups,
// connections, tokens, links and sessions, and the one error type that every room speaks.
// It never does I/O, reads a clock, draws randomness or starts a goroutine.
package directory
