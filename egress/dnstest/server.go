package dnstest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Mood is how a server treats questions.
type Mood int

// The moods.
const (
	Truthful Mood = iota
	Failing       // SERVFAIL
	Refusing      // REFUSED
	Silent        // takes the question and says nothing
	Garbled       // answers with what is no DNS message
)

// Server answers questions for TXT records and addresses.
type Server struct {
	Address string // host:port, the same for UDP and TCP

	stream  net.Listener
	packets net.PacketConn
	work    sync.WaitGroup

	mu      sync.Mutex
	records map[string][][]string // guarded by mu; by name without the last dot, each record's strings
	hosts   map[string]*host      // guarded by mu; by name without the last dot
	mood    Mood                  // guarded by mu
	asked   map[string]int        // guarded by mu; questions by network
}

// host is a name with addresses.
type host struct {
	answers [][]netip.Addr
	asked   map[dnsmessage.Type]int // questions by type, A or AAAA
}

// next gives the addresses of a type that a look-up is told.
func (h *host) next(kind dnsmessage.Type) []netip.Addr {
	turn := min(h.asked[kind], len(h.answers)-1)
	h.asked[kind]++
	return slices.DeleteFunc(slices.Clone(h.answers[turn]), func(a netip.Addr) bool { return a.Is4() != (kind == dnsmessage.TypeA) })
}

// Test is as much of a *testing.T as New needs.
type Test interface {
	Helper()
	Cleanup(func())
	Fatal(args ...any)
}

// New starts a server without records; it ends with the test.
func New(t Test) *Server {
	t.Helper()
	for range 20 { // until a port is free for both UDP and TCP
		s, err := Listen("127.0.0.1:0")
		if err == nil {
			t.Cleanup(s.Close)
			return s
		}
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil
}

// Listen starts a server without records at host:port.
func Listen(address string) (*Server, error) {
	stream, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	packets, err := net.ListenPacket("udp", stream.Addr().String())
	if err != nil {
		_ = stream.Close()
		return nil, err
	}
	s := &Server{
		Address: stream.Addr().String(), stream: stream, packets: packets,
		records: make(map[string][][]string), hosts: make(map[string]*host), asked: make(map[string]int),
	}
	s.work.Go(func() { s.servePackets(packets) })
	s.work.Go(func() { s.serveStreams(stream) })
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	_, _ = s.packets.Close(), s.stream.Close()
	s.work.Wait()
}

// Set gives a name its TXT records; each one is cut into strings of at most 255 bytes. None takes them away.
func (s *Server) Set(name string, records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, name)
	for _, record := range records {
		var texts []string
		for len(record) > 255 {
			texts, record = append(texts, record[:255]), record[255:]
		}
		s.records[name] = append(s.records[name], append(texts, record))
	}
}

// SetStrings gives a name one TXT record of these strings.
func (s *Server) SetStrings(name string, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[name] = [][]string{texts}
}

// SetAddresses gives a name addresses: those of the first answer to the first look-up, which is a question for A and one for
// AAAA, those of the second to the second, and those of the last to all after it.
func (s *Server) SetAddresses(name string, answers ...[]netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[name] = &host{answers, make(map[dnsmessage.Type]int)}
}

// Feel changes the mood.
func (s *Server) Feel(mood Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mood = mood
}

// Asked counts the questions that came over a network, "udp" or "tcp".
func (s *Server) Asked(network string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[network]
}

func (s *Server) servePackets(conn net.PacketConn) {
	packet := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if reply := s.answer(packet[:n], "udp"); reply != nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

func (s *Server) serveStreams(listener net.Listener) {
	var work sync.WaitGroup
	defer work.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		work.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_ = s.serveStream(conn)
		})
	}
}

func (s *Server) serveStream(conn net.Conn) error {
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return err
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return err
		}
		reply := s.answer(question, "tcp")
		if reply == nil {
			return errors.New("in no mood to answer")
		}
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(reply))) //nolint:gosec // a message has at most 65,535 bytes
		if _, err := conn.Write(append(framed, reply...)); err != nil {
			return err
		}
	}
}

// maxPacket is what fits into a UDP answer; longer ones are truncated, so that they are asked for over TCP.
const maxPacket = 512

// answer gives the reply to a message, nil for none.
func (s *Server) answer(message []byte, network string) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(message)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[network]++
	switch s.mood {
	case Silent:
		return nil
	case Garbled:
		return []byte{0xff}
	}
	reply := s.reply(header, question, false)
	if network == "udp" && len(reply) > maxPacket {
		return s.reply(header, question, true)
	}
	return reply
}

func (s *Server) reply(header dnsmessage.Header, question dnsmessage.Question, truncated bool) []byte {
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	records, known := s.records[name]
	host, hosts := s.hosts[name]
	answer := dnsmessage.Header{
		ID: header.ID, Response: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true, Truncated: truncated,
	}
	switch {
	case s.mood == Failing:
		answer.RCode = dnsmessage.RCodeServerFailure
	case s.mood == Refusing:
		answer.RCode = dnsmessage.RCodeRefused
	case !known && !hosts:
		answer.RCode = dnsmessage.RCodeNameError
	}
	message := dnsmessage.Message{Header: answer, Questions: []dnsmessage.Question{question}}
	if answer.RCode == dnsmessage.RCodeSuccess && question.Type == dnsmessage.TypeTXT && !truncated {
		for _, texts := range records {
			message.Answers = append(message.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET, TTL: 60},
				Body:   &dnsmessage.TXTResource{TXT: texts},
			})
		}
	}
	if answer.RCode == dnsmessage.RCodeSuccess && hosts && (question.Type == dnsmessage.TypeA || question.Type == dnsmessage.TypeAAAA) {
		for _, address := range host.next(question.Type) {
			message.Answers = append(message.Answers, addressRecord(question.Name, address))
		}
	}
	packed, err := message.Pack()
	if err != nil {
		panic(err) // a test gave records that do not fit
	}
	return packed
}

func addressRecord(name dnsmessage.Name, address netip.Addr) dnsmessage.Resource {
	header := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 0}
	if address.Is4() {
		header.Type = dnsmessage.TypeA
		return dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}}
	}
	header.Type = dnsmessage.TypeAAAA
	return dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}}
}
