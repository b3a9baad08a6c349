// Package jobs does what must be done once in a region and not once per node: whoever leads does it, again and again, by a
// table of duties. It never runs a duty on a node that does not lead, and never lets one duty, the mail server, or an
// application hold up another or stop the node.
//
// What must reach somebody outside is an errand of the ledger (directory.Errand): written with the change that causes it,
// delivered at least once, struck off afterwards. Mails about failed directory sync are gathered instead, and marked.
package jobs
