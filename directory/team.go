package directory

import (
	"crypto/sha256"
	"encoding/hex"
)

// Team is a set of people as applications see it. It is derived, never stored.
type Team struct {
	ID   string // 32 hex digits; the same for as long as its group lives
	Name string
}

// AutomaticTeam is the team that a group stands for. Its id is a pure function of the ids of organization and group, so that
// it survives renaming and is the same on every node.
func AutomaticTeam(org OrganizationID, group *Group) Team {
	sum := sha256.Sum256([]byte("automatic team\x00" + string(org) + "\x00" + string(group.ID)))
	return Team{ID: hex.EncodeToString(sum[:16]), Name: group.DisplayName}
}
