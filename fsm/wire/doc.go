// Package wire is the byte codec that commands, results, records and snapshots share: varints and length-prefixed texts
// in a fixed order, where a later release may only append fields.
// It never interprets what it carries and never panics on hostile bytes.
package wire
