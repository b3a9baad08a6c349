package redirect

import (
	"fmt"
	"slices"
	"strings"
)

// Evil is the host that the corpus wants to lead to.
const Evil = "evil.example"

// Targets gives the corpus for a product at an origin such as "https://us.example". There is no entry twice.
func Targets(origin string) []string {
	var all []string
	for _, part := range [][]string{
		schemes(), slashes(), controls(), encodings(), userinfo(origin), unicodes(), addresses(), segments(), lookalikes(origin), queries(), lengths(),
	} {
		all = append(all, part...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// separators are what a parser may take for the beginning of an authority.
var separators = []string{
	"//", "///", "////", `\\`, `/\`, `\/`, `//\`, `\\\`, `/\/`, "/\t/", "/\n/", "/\r/", "/\r\n/", "\t//", "/\t\\", "\\\t/", "//\t", "/\t\t/", "\t/\t/\t",
}

// schemes are absolute addresses, with slashes, and without, and scripts.
func schemes() []string {
	var all []string
	for _, scheme := range []string{"https:", "http:", "HTTPS:", "hTtP:", "ftp:", "wss:", "file:", "ht\ntps:", "\thttps:", "https\t:"} {
		for _, separator := range []string{"", "/", "//", "///", `\`, `\\`, `/\`, `\/`, "/\t/", "\n//"} {
			all = append(all, scheme+separator+Evil, scheme+separator+Evil+"/a?b=c#d")
		}
	}
	scripts := []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "java\r\nscript:alert(1)", "\x01javascript:alert(1)",
		" javascript:alert(1)", "javascript\t:alert(1)", "javascript://" + Evil + "/%0aalert(1)", "javascript:/*" + Evil + "*/alert(1)", "javascript&colon;alert(1)",
		"javascript%3aalert(1)", "vbscript:msgbox(1)", "livescript:x", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=",
		"data:,x", "blob:https://" + Evil + "/x", "filesystem:https://" + Evil + "/temporary/x", "view-source:https://" + Evil, "about:blank", "about:srcdoc",
		"mailto:x@" + Evil, "tel:1", "sms:1", "intent://" + Evil + "#Intent;scheme=https;end", "android-app://" + Evil, "chrome://settings", "jar:https://" + Evil + "!/x",
		"feed:https://" + Evil, "ms-settings:", "x-callback://" + Evil, "urn:x", "a:b", "a.b+c-d:e", "//javascript:alert(1)", "/javascript:alert(1)",
	}
	return append(all, scripts...)
}

// slashes are addresses without a scheme.
func slashes() []string {
	var all []string
	for _, separator := range separators {
		for _, host := range []string{Evil, Evil + "/", Evil + "/..", Evil + ":443", Evil + "?a=b", Evil + "#a", "EVIL.example", Evil + "."} {
			all = append(all, separator+host)
		}
	}
	return append(all, "//", "///", `\`, `\\`, `/\`, Evil, "www."+Evil, "./"+Evil, "?"+Evil, "#"+Evil, "", "//"+Evil+"/%2f..", `/\`+Evil+`\..`, "//"+Evil+`\@x`)
}

// controls have characters in them that some parsers skip, and some end at.
func controls() []string {
	var characters []string
	for c := rune(0); c <= 0x20; c++ {
		characters = append(characters, string(c))
	}
	for _, c := range []rune{0x7f, 0x80, 0x85, 0xa0, 0xad, 0x200b, 0x200d, 0x2028, 0x2029, 0x202e, 0x2060, 0x3000, 0xfeff} {
		characters = append(characters, string(c))
	}
	characters = append(characters, "\xff", "\xc0\xaf", "\xe3\x80", "\xed\xa0\x80", "\r\nLocation: https://"+Evil+"\r\n\r\n", "\r\nSet-Cookie: a=b")
	var all []string
	for _, c := range characters {
		all = append(all, c+"//"+Evil, "/"+c+"/"+Evil, "//"+c+Evil, "/a"+c, c+"https://"+Evil)
	}
	return all
}

// encodings write the slashes, dots and controls so that they come to be after one round of decoding, or two.
func encodings() []string {
	var all []string
	for _, slash := range []string{
		"%2f", "%2F", "%5c", "%5C", "%252f", "%255c", "%25252f", "%c0%af", "%e0%80%af", "%c1%9c", "%ef%bc%8f", "%e2%88%95", "%u002f", "&#47;", "&sol;", `\x2f`, `\u002f`,
	} {
		all = append(all, "/"+slash+Evil, "/"+slash+slash+Evil, slash+slash+Evil, slash+"/"+Evil, "https:"+slash+slash+Evil, "/"+slash+"/"+Evil, "/a/"+slash+slash+Evil)
	}
	for _, control := range []string{"%00", "%01", "%09", "%0a", "%0A", "%0d", "%0d%0a", "%20", "%7f", "%a0", "%c2%a0", "%e2%80%a8", "%ff", "%E5%98%8A%E5%98%8D", "%2509", "%250a"} {
		all = append(all, "/"+control+"/"+Evil, control+"//"+Evil, "//"+control+Evil, "/"+control+"//"+Evil)
	}
	return append(all, "/%", "/%0", "/%zz", "/%2", "//%65vil.example", "//evil%2eexample", "/%0d%0aSet-Cookie:%20a=b", "/%0d%0aLocation:%20//"+Evil, "%2f%2e%2e%2f%2f"+Evil)
}

// userinfo has our own host where a password belongs, and the other way round.
func userinfo(origin string) []string {
	scheme, host, _ := strings.Cut(origin, "://")
	own := origin
	var all []string
	for _, between := range []string{
		"@", ":@", ":pass@", ":443@", "%40", `\@`, "%5c@", "/@", "%2f@", "?@", "#@", "%00@", "\t@", ";@", "&@", ".@", "@@", "@x@", ":x:y@", "%3a@", "[@", "]@", " @", "＠", "﹫",
	} {
		all = append(all, own+between+Evil, "//"+host+between+Evil, "/"+between+Evil)
	}
	return append(all, "//"+Evil+"@"+host, scheme+"://"+Evil+`\@`+host, scheme+"://"+Evil+"/@"+host, scheme+"://"+Evil+"#@"+host, scheme+"://"+Evil+"?@"+host, "//@"+Evil, "//:@"+Evil, "///@"+Evil)
}

// unicodes are dots, slashes and letters that are mapped to others when a host name is looked up.
func unicodes() []string {
	var all []string
	for _, dot := range []string{"。", "．", "｡", "․", "‧", "·"} {
		all = append(all, "//evil"+dot+"example", "https://evil"+dot+"example", "/"+dot+Evil, "/"+dot+dot+"/"+Evil, "//us.example"+dot+Evil)
	}
	for _, slash := range []string{"／", "∕", "⁄", "⧸", "＼", "﹨", "⧵", "∖", "╱", "〳", "̸"} {
		all = append(all, "/"+slash+Evil, slash+slash+Evil, "https:"+slash+slash+Evil, "//us.example"+slash+"."+Evil, "/a"+slash)
	}
	return append(all,
		"//ⓔⓥⓘⓛ.example", "//ｅｖｉｌ.example", "//еvil.example", "//evil.еxample", "//evıl.example", "//us.exampleℂ."+Evil, "https：//"+Evil, "//xn--evil-example", "//evil.example\u200d", "//faß.example",
		"ｈｔｔｐｓ://"+Evil, "javascript：alert(1)", "/é", "/\u202e//"+Evil, "//us℀."+Evil, "//us.example℅"+Evil)
}

// addresses are hosts by number.
func addresses() []string {
	var all []string
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0", "0.0.0.0", "169.254.169.254", "2852039166", "0xa9fea9fe", "192.0.2.1",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[2001:db8::1]", "[fe80::1%25eth0]", "[::1%25x]", "[v1.x]", "[", "]", "[]", "[::1", "127.0.0.1.", "127。0。0。1",
		"localhost", "metadata.google.internal", Evil + ":0", Evil + ":65535", Evil + ":65536", Evil + ":x", Evil + ":", Evil + ":-1", Evil + ":00443",
	} {
		all = append(all, "//"+host+"/", "https://"+host, `/\`+host)
	}
	return all
}

// segments go up and come down on a path with two slashes, which an application may send on as an address.
func segments() []string {
	var all []string
	for _, up := range []string{
		"/.", "/..", "/./.", "/../..", "/a/..", "/a/../..", "/%2e", "/%2e%2e", "/.%2e", "/%2E.", "/..;", "/.;", "/;", "/a;b", "/..%00", "/..%09", "/. ", `/..\`, `\..`, "/..%5c", "/..%2f", "/%252e%252e",
	} {
		all = append(all, up+"//"+Evil, up+`/\`+Evil, up+"/%2f"+Evil, up)
	}
	return append(all, "..", "../", "./", ".//"+Evil, "..//"+Evil, "a/..//"+Evil, "/login/../..//"+Evil, "/a//b", "/a//", "/a/\t/"+Evil, "/:80//"+Evil, "/:/"+Evil)
}

// lookalikes begin as the product's own addresses do.
func lookalikes(origin string) []string {
	scheme, host, _ := strings.Cut(origin, "://")
	other := map[string]string{"https": "http", "http": "https"}[scheme]
	var all []string
	for _, tail := range []string{
		"." + Evil, "-" + Evil, "%2e" + Evil, "%00." + Evil, "\x00." + Evil, "\t." + Evil, "。" + Evil, "%E3%80%82" + Evil, ":80." + Evil, "_." + Evil, "!." + Evil, "$" + Evil, "&" + Evil, "'" + Evil,
		"(" + Evil, "*" + Evil, "+" + Evil, "," + Evil, ";" + Evil, "=" + Evil, "~" + Evil, "|" + Evil, "`." + Evil, "{." + Evil, `"` + Evil, "<" + Evil, "^" + Evil, "%20" + Evil,
	} {
		all = append(all, origin+tail, "//"+host+tail)
	}
	return append(all, // our own host is an address as well, and the door takes paths only
		origin, origin+"/", "//"+host, "//"+host+"/a", other+"://"+host+"/", scheme+"://"+host+":444/", scheme+":"+host, scheme+":/"+host, scheme+":a", scheme+":?a", scheme+":#a",
		origin+"//"+Evil, origin+`\`+Evil, origin+"/../../"+Evil, strings.ToUpper(origin), "//x."+host)
}

// queries hide the address where an application may look for it.
func queries() []string {
	var all []string
	for _, address := range []string{"//" + Evil, "https://" + Evil, "%2f%2f" + Evil, "%2F%2F" + Evil, "%5c%5c" + Evil, "https:%2f%2f" + Evil, `\\` + Evil, "/%2f%2f" + Evil} {
		all = append(all, "/?next="+address, "/a?return_to="+address, "/?"+address, "/#"+address, "?"+address)
	}
	return all
}

// lengths are at the bounds of parsers.
func lengths() []string {
	var all []string
	for _, n := range []int{1024, 2048, 8192, 16384} {
		all = append(all, "/"+strings.Repeat("a", n), strings.Repeat("/", n)+Evil, "//"+Evil+"/"+strings.Repeat("a", n), "/"+strings.Repeat("%2f", n/3)+Evil,
			"/"+strings.Repeat("../", n/3)+Evil, strings.Repeat(" ", n)+"//"+Evil, fmt.Sprintf("/%s//%s", strings.Repeat("\t", n), Evil))
	}
	return append(all, "//"+strings.Repeat("a", 64)+"."+Evil, "//"+strings.Repeat("a.", 127)+Evil, strings.Repeat("//"+Evil+"/", 100))
}
