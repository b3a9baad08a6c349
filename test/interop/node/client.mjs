// A stock OpenID client. The one argument is JSON: {issuer, id, secret, redirect, bye, parameters}. It prints the address to open,
// reads the address that the browser was sent back to, and prints the claims of the ID token and of userinfo, and the address to
// open to sign out.
import { createInterface } from 'node:readline/promises';
import * as client from 'openid-client';

const { issuer, id, secret, redirect, bye, parameters } = JSON.parse(process.argv[2]);
const options = { execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(issuer), id, secret, undefined, options);
const verifier = client.randomPKCECodeVerifier();
const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true };
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: redirect, scope: 'openid profile email', state: checks.expectedState, nonce: checks.expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...parameters,
});
console.log(address.href);
const lines = createInterface({ input: process.stdin });
const { value: back } = await lines[Symbol.asyncIterator]().next();
const tokens = await client.authorizationCodeGrant(config, new URL(back), checks);
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const logout = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'bye' });
console.log(JSON.stringify({ claims, userinfo, logout }));
process.exit(0);
