package main

import (
	"strings"
	"testing"
	"time"

	"domicile/test/region"
)

func TestJudge(t *testing.T) {
	ok := answer{outcome: answered, status: 200}
	refusal := answer{outcome: refused, status: 503, retryAfter: time.Second}
	bare := answer{outcome: refused, status: 503, retryAfter: -1}
	gone := answer{outcome: lost}
	closed := answer{outcome: unreached}
	const quick, long = 10 * time.Millisecond, 5 * time.Second
	for name, tc := range map[string]struct {
		answer  answer
		bad     bool // the client cannot accept the answer
		excused excuse
		sticky  bool
		took    time.Duration
		quiet   time.Duration // since the region's last acknowledgement
		want    string        // part of the verdict; empty: none
	}{
		"good":                                       {answer: ok, took: quick},
		"unexpected status":                          {answer: ok, bad: true, took: quick, want: "unexpected status"},
		"unexpected status of a struck node":         {answer: ok, bad: true, excused: vanishes, took: quick, want: "unexpected status"},
		"refused at once":                            {answer: refusal, took: quick, want: "long before"},
		"refused after the bounded wait":             {answer: refusal, took: long},
		"refused at once, the region down for long":  {answer: refusal, took: quick, quiet: long},
		"refused without Retry-After":                {answer: bare, took: long, want: "without Retry-After"},
		"struck, refused":                            {answer: refusal, excused: refuses, took: quick},
		"struck, refused without Retry-After":        {answer: bare, excused: refuses, took: quick, want: "without Retry-After"},
		"lost":                                       {answer: gone, took: quick, want: "no answer"},
		"cut off from its peers, lost":               {answer: gone, excused: refuses, took: quick, want: "no answer"},
		"cut off from its peers, not reached":        {answer: closed, excused: refuses, took: quick, want: "not reached"},
		"gone, lost":                                 {answer: gone, excused: vanishes, took: quick},
		"gone, not reached":                          {answer: closed, excused: vanishes, took: quick},
		"not reached":                                {answer: closed, took: quick, want: "not reached"},
		"planned, balanced client loses a request":   {answer: gone, excused: closes, took: quick, want: "no answer"},
		"planned, sticky client loses a request":     {answer: gone, excused: closes, sticky: true, took: quick},
		"planned, balanced client is refused":        {answer: refusal, excused: closes, took: quick, want: "long before"},
		"planned, sticky client is refused":          {answer: refusal, excused: closes, sticky: true, took: quick},
		"planned, balanced client finds closed door": {answer: closed, excused: closes, took: quick},
	} {
		t.Run(name, func(t *testing.T) {
			ended := time.Now()
			o := &op{answer: tc.answer, good: !tc.bad, sticky: tc.sticky, began: ended.Add(-tc.took), ended: ended}
			got := judge(o, tc.excused, ended.Add(-tc.quiet))
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("verdict %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestGap(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	acks := []ack{{at(0), false}, {at(90), false}, {at(100), true}, {at(130), false}, {at(135), true}, {at(200), false}}
	for name, tc := range map[string]struct {
		from, to int
		everyone bool
		want     int
	}{
		"between two, the first before the span": {from: 95, to: 140, want: 40},
		"struck nodes count when all are struck": {from: 95, to: 140, everyone: true, want: 30},
		"none until the end":                     {from: 195, to: 500, want: 300},
		"none at all":                            {from: 300, to: 500, want: 200},
		"gaps before the span do not count":      {from: 131, to: 205, want: 70},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gap(acks, span{at(tc.from), at(tc.to)}, tc.everyone); got != time.Duration(tc.want)*time.Millisecond {
				t.Errorf("gap is %s, want %d ms", got, tc.want)
			}
		})
	}
}

func TestPlace_excuses(t *testing.T) {
	p := newPlace(0, &region.Node{Name: "us-1", URL: "http://198.18.1.2:8080"})
	before := time.Now()
	if p.excused(before) != none {
		t.Error("excused without a strike")
	}
	p.strike(refuses)
	if p.excused(before) != refuses {
		t.Error("not excused while struck")
	}
	p.pardon()
	if p.excused(before) != refuses {
		t.Error("a request that began while the node was struck is not excused")
	}
	if p.excused(time.Now()) != none {
		t.Error("a request that began after the strike is excused")
	}
}
