// Package ui is the look of the house: the pages that people see, as templates, one style sheet and the one script that asks
// browsers for passkeys, embedded in the binary.
// It never decides what a page says about a person or a request; it escapes what it is given and has no script in a page.
package ui
