// Package post hands plain-text letters to one mail server: SMTP with STARTTLS or TLS from the first byte, a password, and
// bounds on how long each step may take. It never sends a password in clear, never lets a letter's texts reach the headers
// or the SMTP dialogue, and never quotes the server's answers, which may name people, in its errors.
package post
