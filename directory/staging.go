package directory

// Bounds of staged changes. A change is kept for StagedLife after its last part.
const (
	MaxStagedChanges = 16        // per organization
	MaxStagedNumbers = 1_000_000 // of all staged changes of an organization
	MaxStagedParts   = 1000      // of one change
	MaxStagedIDs     = 3000      // that a door should put into one command, so that it fits into one entry
	StagedLife       = Time(120_000_000)
)

// ChangeID names a staged change: 128 random bits made at the door. The zero value names none.
type ChangeID [16]byte

// StagedChange is a change of a group's members that is larger than one command: its parts wait here until one command
// uses them all. Records are immutable: a further part makes a new one.
type StagedChange struct {
	ID           ChangeID
	Organization OrganizationID
	Parts        []StagedPart
	Expires      Time
}

// StagedPart is what one command added to a staged change, in any order and possibly with repetitions.
type StagedPart struct{ Add, Remove []Number }

// Expired tells whether the change is past its life at now.
func (c *StagedChange) Expired(now Time) bool { return now >= c.Expires }

// Numbers counts the numbers of all parts.
func (c *StagedChange) Numbers() int {
	n := 0
	for _, part := range c.Parts {
		n += len(part.Add) + len(part.Remove)
	}
	return n
}
