package openapi

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestActor(t *testing.T) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	SetCaller(c, Caller{Actor: "somebody", Role: Owner})
	if got := CallerOf(c); got.Actor != "somebody" || Actor(c) != "somebody" || got.Role != Owner {
		t.Errorf("acts as %+v", got)
	}
}

func TestActor_nobody(t *testing.T) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	defer func() {
		if recover() == nil {
			t.Error("a request that nobody was let in for has an actor")
		}
	}()
	Actor(c)
}

func TestRole(t *testing.T) {
	for least, may := range map[Role][]bool{Operator: {true, false, false}, Owner: {true, true, false}, BreakGlass: {true, true, true}} {
		for i, role := range []Role{Operator, Owner, BreakGlass} {
			if role.May(least) != may[i] {
				t.Errorf("role %d may use what is for %d: %t", role, least, !may[i])
			}
		}
	}
}
