package directory

// Member is one node of a region's cluster.
type Member struct {
	ID      string `json:"id"`      // names one life of the node's data directory
	Node    string `json:"node"`    // the name in its certificate
	Address string `json:"address"` // host:port
	Voter   bool   `json:"voter"`
	Leader  bool   `json:"leader"`
	Self    bool   `json:"self"`            // the node that was asked
	State   string `json:"state,omitempty"` // MemberUp or MemberDown, as the node that was asked found it; empty: it did not look
}

// The states of a Member.
const (
	MemberUp   = "up"
	MemberDown = "down"
)
