package oidc

import (
	"net/http"
	"testing"
	"time"
)

func TestLifeOf(t *testing.T) {
	for _, c := range []struct {
		control []string
		age     string
		want    time.Duration
	}{
		{nil, "", 0},
		{[]string{"no-store"}, "", 0},
		{[]string{"public, max-age=3600"}, "", time.Hour},
		{[]string{"public", "MAX-AGE=3600 , must-revalidate"}, "", time.Hour},
		{[]string{`max-age="600"`}, "", 10 * time.Minute},
		{[]string{"max-age=600, max-age=900"}, "", 10 * time.Minute},
		{[]string{"s-maxage=600"}, "", 0},
		{[]string{"max-age=0"}, "", minLife},
		{[]string{"max-age=299"}, "", minLife},
		{[]string{"max-age=301"}, "", 301 * time.Second},
		{[]string{"max-age=604800"}, "", maxLife},
		{[]string{"max-age=99999999999999999999999"}, "", maxLife},
		{[]string{"max-age=3600"}, "600", 50 * time.Minute},
		{[]string{"max-age=3600"}, "3600", minLife},
		{[]string{"max-age=3600"}, "99999999999999999999999", minLife},
		{[]string{"max-age=3600"}, "-5", time.Hour},
		{[]string{"max-age"}, "", 0},
		{[]string{"max-age=-1"}, "", 0},
		{[]string{"max-age=1e9"}, "", 0},
		{[]string{",,=,max-age="}, "", 0},
	} {
		header := http.Header{"Cache-Control": c.control}
		if c.age != "" {
			header.Set("Age", c.age)
		}
		if got := lifeOf(header); got != c.want {
			t.Errorf("%q of age %q: %v, want %v", c.control, c.age, got, c.want)
		}
	}
}
