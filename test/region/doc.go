// Package region runs a region of real node processes for the black-box suites: its own certificates, configuration files,
// data directories and sockets, made by the same commands that a person would run.
// It never reaches into a node: everything goes through the binary, its listeners and signals.
package region
