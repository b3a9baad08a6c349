// Package posttest is an SMTP server on loopback that keeps every letter and shows it: for tests, and as the mail sink of
// `domicile dev`. It never sends anything on.
package posttest
