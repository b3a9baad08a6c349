package dev

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"domicile/test/region"
)

func TestManifest_namesEverything(t *testing.T) {
	if err := laptop.reload(); err != nil {
		t.Fatal(err)
	}
	if len(laptop.Regions) != 2 || laptop.Regions[0].ID != "us" || laptop.Regions[1].ID != "eu" {
		t.Fatalf("regions are %+v", laptop.Regions)
	}
	for _, r := range laptop.Regions {
		if len(r.Nodes) != 3 || r.OperatorToken == "" || !strings.HasPrefix(r.LoginURL, "http://"+r.ID+".localhost:") {
			t.Errorf("region %s is %+v", r.ID, r)
		}
		for _, n := range r.Nodes {
			if n.PID == 0 || syscall.Kill(n.PID, 0) != nil {
				t.Errorf("node %s has no process of its own (%d)", n.ID, n.PID)
			}
			if _, err := os.Stat(n.Data); err != nil {
				t.Error(err)
			}
		}
		o := r.Organizations[0]
		if o.SCIM.Base != r.URL+"/scim/v2/"+o.ID || !strings.HasPrefix(o.SCIM.Token, "dom_"+r.ID+"_") || o.Connection.Issuer != laptop.IdP.Issuer {
			t.Errorf("organization is %+v", o)
		}
	}
	info, err := os.Stat(filepath.Join(laptop.dir, "dev.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("dev.json has mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestToken_ofAnotherRegionIsToldWhereToGo(t *testing.T) {
	us, eu := laptop.Regions[0], laptop.Regions[1]
	status, answer := create(t, eu.Organizations[0].SCIM.Base, us.Organizations[0].SCIM.Token, "stray@acme.example")
	if status != http.StatusUnauthorized || !strings.Contains(answer, us.URL) || !strings.Contains(answer, "urn:ietf:params:scim:api:messages:2.0:Error") {
		t.Errorf("status %d, answer %s; want a SCIM 401 that names %s", status, answer, us.URL)
	}
}

func TestKilledNode_isNotFeltAndStaysDead(t *testing.T) {
	us := laptop.Regions[0]
	o := us.Organizations[0]
	if err := laptop.control("kill", "us-2"); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if status, answer := create(t, o.SCIM.Base, o.SCIM.Token, fmt.Sprintf("kill-%d@acme.example", i)); status != http.StatusCreated {
			t.Fatalf("create %d through the balancer: status %d: %s", i, status, answer)
		}
	}
	if err := laptop.reload(); err != nil {
		t.Fatal(err)
	}
	if pid := laptop.Regions[0].Nodes[1].PID; pid != 0 {
		t.Errorf("us-2 came back by itself as %d", pid)
	}
	if err := laptop.control("restart", "us-2"); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, us.Nodes[1].Ops)
}

func TestSecondStart_keepsTheData(t *testing.T) {
	o := laptop.Regions[1].Organizations[0]
	if status, answer := create(t, o.SCIM.Base, o.SCIM.Token, "kept@nordwind.example"); status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, answer)
	}
	if err := laptop.stop(); err != nil {
		t.Fatal(err)
	}
	if err := laptop.start(); err != nil {
		t.Fatal(err)
	}
	again := laptop.Regions[1].Organizations[0]
	if again.ID != o.ID || again.SCIM.Token != o.SCIM.Token {
		t.Errorf("the organization was %+v and is %+v", o, again)
	}
	if status, _ := create(t, again.SCIM.Base, again.SCIM.Token, "KEPT@nordwind.example"); status != http.StatusConflict {
		t.Errorf("status %d for a user that was there before the restart, want 409", status)
	}
	if err := laptop.stop(); err != nil {
		t.Fatal(err)
	}
	if err := laptop.start("--fresh"); err != nil {
		t.Fatal(err)
	}
	if fresh := laptop.Regions[1].Organizations[0]; fresh.ID == o.ID {
		t.Error("--fresh kept the organization")
	}
}

func TestSecondCommand_onTheSameDirectoryIsRefused(t *testing.T) {
	err := region.Run(t.Context(), laptop.binary, "dev", "--data", laptop.dir, "--base-port", "34000")
	if err == nil || !strings.Contains(err.Error(), "another dev command runs") {
		t.Errorf("error is %v", err)
	}
}

func awaitReady(t *testing.T, ops string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if resp, err := client.Get(ops + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready", ops)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
