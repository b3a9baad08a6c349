package egress

import (
	"net/netip"
	"testing"
)

func TestAttack38_addresses(t *testing.T) {
	tests := []struct {
		addr string
		want verdict
	}{
		{"8.8.8.8", public},
		{"1.1.1.1", public},
		{"172.15.255.255", public},
		{"172.32.0.0", public},
		{"100.63.255.255", public},
		{"100.128.0.0", public},
		{"198.17.255.255", public},
		{"2606:4700::1111", public},
		{"2a00:1450:4001::8a", public},
		{"::ffff:8.8.8.8", public},

		{"127.0.0.1", loopback},
		{"127.255.255.254", loopback},
		{"::1", loopback},
		{"::ffff:127.0.0.1", loopback},

		{"10.0.0.1", private},
		{"172.16.0.1", private},
		{"172.31.255.255", private},
		{"192.168.1.1", private},
		{"100.64.0.1", private},
		{"fd00::1", private},
		{"fc12::1", private},
		{"::ffff:10.0.0.1", private},

		{"0.0.0.0", forbidden},
		{"0.1.2.3", forbidden},
		{"169.254.169.254", forbidden},
		{"::ffff:169.254.169.254", forbidden},
		{"100.100.100.200", forbidden},
		{"192.0.0.192", forbidden},
		{"192.0.2.1", forbidden},
		{"192.88.99.1", forbidden},
		{"198.18.0.1", forbidden},
		{"198.19.255.255", forbidden},
		{"198.51.100.7", forbidden},
		{"203.0.113.7", forbidden},
		{"224.0.0.1", forbidden},
		{"239.255.255.250", forbidden},
		{"240.0.0.1", forbidden},
		{"255.255.255.255", forbidden},
		{"::", forbidden},
		{"::7f00:1", forbidden},
		{"64:ff9b::a9fe:a9fe", forbidden},
		{"64:ff9b:1::1", forbidden},
		{"100::1", forbidden},
		{"2001::1", forbidden},
		{"2001:20::1", forbidden},
		{"2001:db8::1", forbidden},
		{"2002:7f00:1::", forbidden},
		{"3fff::1", forbidden},
		{"5f00::1", forbidden},
		{"fd00:ec2::254", forbidden},
		{"fe80::1", forbidden},
		{"fe80::1%eth0", forbidden},
		{"fec0::1", forbidden},
		{"ff02::1", forbidden},
	}
	book := newAddressBook()
	for _, tt := range tests {
		if got := book.classify(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("classify(%s) = %d, want %d", tt.addr, got, tt.want)
		}
	}
	if got := book.classify(netip.Addr{}); got != forbidden {
		t.Errorf("classify(zero) = %d, want forbidden", got)
	}
}

func TestAllowed(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	tests := []struct {
		name   string
		cfg    Config
		target string
		want   bool
	}{
		{"public 443", Config{}, "8.8.8.8:443", true},
		{"public other port", Config{}, "8.8.8.8:8443", false},
		{"public 80", Config{}, "8.8.8.8:80", false},
		{"public 80 in dev", Config{AllowHTTP: true}, "8.8.8.8:80", true},
		{"public port opened", Config{AllowPorts: []uint16{8443}}, "8.8.8.8:8443", true},
		{"private", Config{}, "10.1.2.3:443", false},
		{"private opened", Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}, "10.1.2.3:443", true},
		{"private opened, mapped", Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}, "[::ffff:10.1.2.3]:443", true},
		{"private opened, port not", Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}, "10.1.2.3:6379", false},
		{"other private", Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}, "10.2.2.3:443", false},
		{"loopback", Config{}, "127.0.0.1:443", false},
		{"loopback in dev", Config{AllowLoopback: true}, "127.0.0.1:39999", true},
		{"list does not open loopback", Config{AllowPrivate: everything}, "127.0.0.1:443", false},
		{"list does not open metadata", Config{AllowPrivate: everything}, "169.254.169.254:443", false},
		{"list does not open metadata 6", Config{AllowPrivate: everything}, "[fd00:ec2::254]:443", false},
		{"list does not open NAT64", Config{AllowPrivate: everything}, "[64:ff9b::a00:1]:443", false},
		{"dev does not open metadata", Config{AllowLoopback: true, AllowHTTP: true}, "169.254.169.254:80", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := New(tt.cfg).allowed(netip.MustParseAddrPort(tt.target)); got != tt.want {
				t.Errorf("allowed(%s) = %v, want %v", tt.target, got, tt.want)
			}
		})
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{0xfe, 0x80, 15: 1})
	f.Add([]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1})
	book := newAddressBook()
	f.Fuzz(func(t *testing.T, raw []byte) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		plain := addr.Unmap()
		special := plain.IsPrivate() || plain.IsLoopback() || plain.IsMulticast() || plain.IsLinkLocalUnicast() || plain.IsUnspecified()
		if special && book.classify(addr) == public {
			t.Fatalf("%s is special but judged public", addr)
		}
		if addr.Is4() && book.classify(addr) != book.classify(netip.AddrFrom16(addr.As16())) {
			t.Fatalf("%s is judged differently when mapped", addr)
		}
	})
}
