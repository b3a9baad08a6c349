package scim

import (
	"math/rand/v2"
	"testing"
	"time"

	"domicile/directory"
)

func TestAppendTime(t *testing.T) {
	check := func(micros int64) {
		t.Helper()
		want := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(appendTime(nil, directory.Time(micros))); got != want || len(got) != timeLength {
			t.Errorf("%d is %s, want %s", micros, got, want)
		}
	}
	for _, text := range []string{"1970-01-01T00:00:00Z", "2000-02-29T23:59:59.999999Z", "2100-02-28T00:00:00Z",
		"2100-03-01T00:00:00Z", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		check(at.UnixMicro())
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(random.Int64N(int64(lastTime)))
	}
	for out, want := range map[directory.Time]string{-1: "1970-01-01T00:00:00.000Z", lastTime + 1: "9999-12-31T23:59:59.999Z"} {
		if got := string(appendTime(nil, out)); got != want {
			t.Errorf("%d is %s, want %s", out, got, want)
		}
	}
}
