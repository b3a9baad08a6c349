// Package directory holds the nouns of the product and their pure rules: settings, organizations, people, groups,
// connections, tokens, OAuth clients, extension schemas, links, sessions and the sync log, and the one error type that every
// room speaks.
// It never does I/O, reads a clock, draws randomness or starts a goroutine.
package directory
