// Package dev is the laptop edition: two regions of three node processes each, a demo identity provider, a mail sink and a
// balancer before each region, all on loopback, from one command.
// It never runs anything in its own process that production runs in a node's, and nothing here is reachable from serve.
package dev
