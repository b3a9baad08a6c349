// Package redirect is a corpus of return addresses that lead a browser away from the origin that redirects to them, or look
// as if they did to one parser and not to another, and a judge of where a browser goes.
// It never decides what the product accepts: it knows browsers only.
package redirect
