// Command chaos runs two regions of real node processes under a steady mixed load of SCIM writes and reads, strikes one of
// them again and again, and fails unless every promise of the product held all the time. It never skips a strike: what cannot
// run here fails with the reason.
//
// The run makes network, mount and process namespaces of its own (it needs root, or user namespaces) and runs itself inside:
// every node gets a network namespace with one link to the run, which routes between them. A partition is a routing rule
// that drops what one node sends to another, so one-way partitions are real, clients always reach a node that its peers do
// not, and nothing of it exists outside or outlives the run.
//
// What is judged, always and for every client:
//   - a write that was acknowledged is there exactly once, and what a writer deleted stays away (audit.go);
//   - no read shows less than a write acknowledged, or another read finished, before it began, on any node (register.go);
//   - all nodes have the same digest at the same seq;
//   - a node that was not struck answers every request: 503 with Retry-After only when the bounded wait of 5 s is over, and
//     never anything unexpected. A struck node may refuse with 503 or be gone, as the strike says, and never answers wrongly;
//   - the region that nobody struck sees nothing at all.
//
// Times are reported beside their goals: the gap is the longest time between two acknowledged writes of all writers on the
// nodes that were not struck. Only a gap far above its goal fails the run, because machines differ.
//
// Writers and half of the readers go where a balancer would send them, which follows /readyz; the other readers stay with
// their node whatever happens to it. The table of strikes is in nemesis.go; to add one, add a row.
package main
