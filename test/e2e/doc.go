// Package e2e tries the product from outside, over regions of real node processes: provisioning and sign-in on any node,
// failures, restarts, refusals, and what must never be found in a file.
// It never reaches into a node.
package e2e
