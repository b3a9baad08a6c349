package consoletest

import (
	"testing"

	"domicile/fsm/command"
	"domicile/fsm/fsmtest"
	"domicile/fsm/state"
	"domicile/seal"
)

// Identity is whose ledger it is.
var Identity = seal.Identity{Region: "us", Cluster: "cluster-1", Node: "us-1"}

// NewLedger makes an empty ledger at the newest level.
func NewLedger(t testing.TB) *fsmtest.Ledger {
	t.Helper()
	return fsmtest.New(t, state.Identity{Region: Identity.Region, Cluster: Identity.Cluster}, command.MaxLevel)
}
