// Package dnstest is a DNS server on loopback, over UDP and TCP, whose TXT records, addresses and moods a test sets.
// It never asks another server, and knows no other types of records.
package dnstest
