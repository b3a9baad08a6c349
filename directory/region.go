package directory

// Region is a hosting region as the sign-in page and error texts name it: a static list of names and addresses. No code
// path of one region calls another.
type Region struct {
	ID       string // "us", "eu": also in tokens, certificates and data directories
	Name     string // "United States"
	URL      string // where IdPs and API clients go, no trailing slash: https://us.example.com
	LoginURL string // the sign-in page, as browsers reach it: https://us.example.com/login
}
