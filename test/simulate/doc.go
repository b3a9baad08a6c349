// Command simulate provisions a large made-up directory as each identity provider would, against a region of three real node
// processes whose leader is killed twice in the middle of it, and prints a table. It never forgives: one user, group or
// membership that is lost, doubled or different fails the run.
//
// The provider speaks to one node by its own address, with no balancer before it, so that it sees everything: connections cut
// in mid-request, a node that is not there while it restarts, and elections behind a node that stays. Kills come when writes
// are densest: when a third of the users are provisioned, and when a third of the groups have their members. A dialect without
// groups, or one that writes them so fast that the first dead node is not back yet, gets its second kill a cycle later.
package main
