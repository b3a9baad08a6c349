// Package ui is the look of the house: the pages that people see, as templates and one style sheet, embedded in the binary.
// It never decides what a page says about a person or a request; it escapes what it is given and runs no script.
package ui
