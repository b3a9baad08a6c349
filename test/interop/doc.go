// Package interop is a suite of the product with implementations of OpenID Connect that are not its own: a certified provider
// and a stock client of another language, and a provider in Go. It is a module of its own, so that none of them reaches the
// product's.
// It never tests the product against itself: that is what the suites beside it do.
package interop
