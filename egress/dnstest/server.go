package dnstest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
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

// Server answers questions for TXT records.
type Server struct {
	Address string // host:port, the same for UDP and TCP

	mu      sync.Mutex
	records map[string][][]string // guarded by mu; by name without the last dot, each record's strings
	mood    Mood                  // guarded by mu
	asked   map[string]int        // guarded by mu; questions by network
}

// New starts a server without records; it ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{records: make(map[string][][]string), asked: make(map[string]int)}
	stream, packets := listen(t)
	s.Address = stream.Addr().String()
	var work sync.WaitGroup
	work.Go(func() { s.servePackets(packets) })
	work.Go(func() { s.serveStreams(stream) })
	t.Cleanup(func() {
		_, _ = packets.Close(), stream.Close()
		work.Wait()
	})
	return s
}

// listen finds a port that is free for both.
func listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", stream.Addr().String())
		if err == nil {
			return stream, packets
		}
		_ = stream.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
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
	records, known := s.records[strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))]
	answer := dnsmessage.Header{
		ID: header.ID, Response: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true, Truncated: truncated,
	}
	switch {
	case s.mood == Failing:
		answer.RCode = dnsmessage.RCodeServerFailure
	case s.mood == Refusing:
		answer.RCode = dnsmessage.RCodeRefused
	case !known:
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
	packed, err := message.Pack()
	if err != nil {
		panic(err) // a test gave records that do not fit
	}
	return packed
}
