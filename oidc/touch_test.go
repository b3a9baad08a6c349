package oidc

import (
	"encoding/binary"
	"testing"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

func (f *flow) policy(policy directory.SignInPolicy) {
	f.t.Helper()
	f.must(&command.UpdateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example", "acme.test"}, RootEmail: "root@acme.example",
		Profile: directory.ProfileInterop, SignIn: policy,
	}})
}

const minute = directory.Time(60_000_000)

// TestFlow_policy: sessions live as long as the organization chose, or less where the provider says so.
func TestFlow_policy(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	if session := f.succeeds("alice@acme.example"); session.Idle != 0 || session.Expires-session.Created != directory.DefaultSessionLifetime {
		t.Errorf("by default %+v", session)
	}
	f.policy(directory.SignInPolicy{SessionLifetime: 90 * minute, SessionIdle: 20 * minute})
	done, err := f.signIn("alice@acme.example")
	if err != nil || done.Lifetime != 90*time.Minute {
		t.Errorf("%v, %v", done.Lifetime, err)
	}
	session, _ := f.FSM.View().Session(seal.HashToken(done.SessionToken.Reveal()))
	if session.Idle != 20*minute || session.Expires-session.Created != 90*minute {
		t.Errorf("%+v", session)
	}
	f.alice(map[string]any{"session_expiry": f.Now().Add(10 * time.Minute).Unix()})
	if session := f.succeeds("alice@acme.example"); session.Expires-session.Created > 10*minute {
		t.Errorf("the provider's end does not count: %+v", session)
	}
	f.alice(map[string]any{"session_expiry": f.Now().Add(1000 * time.Hour).Unix()})
	if session := f.succeeds("alice@acme.example"); session.Expires-session.Created != 90*minute {
		t.Errorf("the provider lengthens a session: %+v", session)
	}
	for _, past := range []any{f.Now().Add(-time.Second).Unix(), 0, "tomorrow", nil} {
		f.alice(map[string]any{"session_expiry": past})
		f.fails("alice@acme.example", ReasonTokenTime)
	}
}

// TestFlow_idle: a session that is used lives on, and one that is not ends; uses are written together, and not each.
func TestFlow_idle(t *testing.T) {
	for _, idle := range []directory.Time{minute, 20 * minute} {
		f := newFlow(t, command.SecondLevel)
		f.alice(nil)
		f.policy(directory.SignInPolicy{SessionIdle: idle})
		done, err := f.signIn("alice@acme.example")
		if err != nil {
			t.Fatal(err)
		}
		cookie := done.SessionToken.Reveal()
		writes := f.FSM.View().Seq()
		step := time.Duration(idle/3) * time.Microsecond
		for range 6 { // twice the time without use
			f.Advance(step)
			for range 5 {
				if _, err := f.service.Resolve(t.Context(), cookie); err != nil {
					t.Fatal(err)
				}
			}
			f.service.writeTouches(t.Context())
		}
		if got := f.FSM.View().Seq() - writes; got != 6 {
			t.Errorf("%d writes", got)
		}
		session, _ := f.FSM.View().SessionByID(done.Session)
		if at := directory.Time(f.Now().UnixMicro()); at-session.Seen > minute {
			t.Errorf("seen %v", session.Seen)
		}
		f.Advance(3 * step)
		if _, err := f.service.Resolve(t.Context(), cookie); directory.KindOf(err) != directory.KindUnauthenticated {
			t.Errorf("after its idle time: %v", err)
		}
		f.service.writeTouches(t.Context())
		if got := f.FSM.View().Seq() - writes; got != 6 {
			t.Errorf("a session that is over was noted: %d writes", got)
		}
	}
}

// TestTouches_cutOff: a node that is cut off writes nothing, and forgets nothing.
func TestTouches_cutOff(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	done, err := f.signIn("alice@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	f.Advance(2 * time.Minute)
	if _, err := f.service.Resolve(t.Context(), done.SessionToken.Reveal()); err != nil {
		t.Fatal(err)
	}
	f.Cut(true)
	f.service.writeTouches(t.Context())
	f.Cut(false)
	f.service.writeTouches(t.Context())
	if session, _ := f.FSM.View().SessionByID(done.Session); session.Seen == 0 {
		t.Error("the use is lost")
	}
	if f.counted("domicile_session_uses_total") != 1 {
		t.Error("not counted")
	}
}

func TestTouches_bounds(t *testing.T) {
	touches := newTouches()
	for i := range uint32(2 * maxTouches) {
		var hash directory.Hash
		binary.BigEndian.PutUint32(hash[:], i%(maxTouches+100))
		if known := i%(maxTouches+100) < maxTouches; touches.note(hash, directory.Time(i)) != known {
			t.Fatalf("use %d", i)
		}
	}
	sum := 0
	for _, batch := range touches.take() {
		if len(batch.Uses) > command.MaxSessionUses {
			t.Fatalf("%d uses in one command", len(batch.Uses))
		}
		sum += len(batch.Uses)
	}
	if sum != maxTouches || len(touches.take()) != 0 {
		t.Errorf("%d uses", sum)
	}
}

// TestSessions_own: a person sees and ends their own sessions and nobody else's.
func TestSessions_own(t *testing.T) {
	f := newFlow(t, command.SecondLevel)
	f.alice(nil)
	f.person("sub-bob", "bob@acme.example", nil)
	f.user(directory.SourceSCIM, "bob@acme.example", "", true, "bob@acme.example")
	var cookies []string
	var ids []directory.SessionID
	for range 4 {
		done, err := f.signIn("alice@acme.example")
		if err != nil {
			t.Fatal(err)
		}
		cookies, ids = append(cookies, done.SessionToken.Reveal()), append(ids, done.Session)
	}
	f.provider.RemoveUser("sub-alice")
	bob := f.succeeds("bob@acme.example")
	who, err := f.service.Resolve(t.Context(), cookies[0])
	if err != nil || who.Kind != directory.SessionSSO {
		t.Fatalf("%+v, %v", who, err)
	}
	list, err := f.service.Sessions(t.Context(), who)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	for _, id := range []directory.SessionID{bob.ID, "nothing", ""} {
		if err := f.service.EndSession(t.Context(), who, id); directory.KindOf(err) != directory.KindNotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := f.service.EndSession(t.Context(), who, ids[1]); err != nil {
		t.Error(err)
	}
	if _, err := f.service.Resolve(t.Context(), cookies[1]); directory.KindOf(err) != directory.KindUnauthenticated {
		t.Errorf("the ended session: %v", err)
	}
	if n, err := f.service.EndOtherSessions(t.Context(), who); n != 2 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if list, _ := f.service.Sessions(t.Context(), who); len(list) != 1 || list[0].ID != ids[0] {
		t.Errorf("left: %v", list)
	}
	if _, ok := f.FSM.View().SessionByID(bob.ID); !ok {
		t.Error("somebody else's session ended")
	}
	who.Kind = directory.SessionBreakGlass
	if _, err := f.service.Sessions(t.Context(), who); directory.KindOf(err) != directory.KindForbidden {
		t.Errorf("break glass: %v", err)
	}
	if err := f.service.EndSession(t.Context(), who, ids[0]); directory.KindOf(err) != directory.KindForbidden {
		t.Errorf("break glass: %v", err)
	}
}

func TestAgentOf(t *testing.T) {
	for header, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0":  "Edge on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":            "Chrome on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":      "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Safari/604.1":   "Chrome on iOS",
		"Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0 Safari/1": "Samsung Internet on Android",
		flowAgent: "Firefox on Linux", "curl/8.5.0": "", "": "", "Linux": "Linux", "Firefox/1": "Firefox",
		"<script>alert('Firefox/1')</script> Windows": "Firefox on Windows",
	} {
		if got := AgentOf(header); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
}
