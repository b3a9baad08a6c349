// Package consoletest gives tests of the console, of the API above it and of its clients a whole ledger in memory and an
// issuer on loopback.
// It never replicates, forwards or persists anything: for that, tests use clustertest.
package consoletest
