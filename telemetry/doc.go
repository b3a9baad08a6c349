// Package telemetry tells an operator what a node does: logs, one event per
// request, metrics, traces and a private listener that serves them.
//
// It never carries bodies, names, e-mail addresses, tokens or query strings,
// never blocks a request on a slow sink (it drops and counts instead), and
// never registers anything globally unless cmd asks for it by name.
package telemetry
