// Package clustertest runs a cluster of real nodes in one process, over TLS on loopback and real data directories, behind a
// network whose links can be cut, blocked in one direction and reset.
// It never mocks a part of a node; it is for tests only.
package clustertest
