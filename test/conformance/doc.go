// Package conformance replays the public SCIM conversations against a follower of a region of real node processes.
// It never knows how the product answers, only what an identity provider would see.
package conformance
