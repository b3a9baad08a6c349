// Package jobs does what must be done once in a region and not once per node: whoever leads does it, again and again, by a
// table of duties. It never runs a duty on a node that does not lead, and never lets one duty, or the mail server, hold up
// another or stop the node.
package jobs
