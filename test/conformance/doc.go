// Package conformance replays the scripted SCIM conversations of scim/scimtest against a follower of a region of three real
// nodes, under the profile that each was written for and under strict, and prints how they went per identity provider and
// per section of the RFCs. It never looks inside the nodes: what it knows, it was answered.
package conformance
