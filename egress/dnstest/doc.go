// Package dnstest is a DNS server on loopback, over UDP and TCP, whose TXT records, addresses and moods a test sets; and the DNS
// of `domicile dev`.
// It never asks another server, and knows no other types of records.
package dnstest
