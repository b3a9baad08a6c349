// Command app is a small application that signs people in through a region, with the stock OpenID Connect libraries of its
// language and nothing of the product. It never keeps a password, and never believes a session for longer than its ID token.
//
// It shows the four things that an application does: send people to the region (sign in), read who came back (callback), sign
// out, and end its own session when the region says that its session ended (back-channel logout). An ID token lives for two
// minutes; when it has expired, the next page sends the browser through the region once more, which asks nothing of anybody who
// is still signed in there.
//
//	domicile app create --name Sample --redirect-uri http://127.0.0.1:9000/callback \
//	    --post-logout-uri http://127.0.0.1:9000/ --backchannel-logout-uri http://127.0.0.1:9000/backchannel-logout
//	APP_ISSUER=https://us.example.com/oidc APP_CLIENT_ID=… APP_CLIENT_SECRET=… APP_LISTEN=127.0.0.1:9000 go run .
//
// APP_URL is how browsers reach it, where that is not http:// and the address it listens on.
package main
