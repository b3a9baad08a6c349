// Package command is the vocabulary of the replicated log: every kind of change that may enter it, its header, its bytes
// and its result. A released kind never changes; fields are only appended.
// It never applies anything and never holds protocol text: doors compile SCIM and HTML forms into these commands.
package command
