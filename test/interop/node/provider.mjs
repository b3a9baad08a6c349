// A certified OpenID provider on loopback. The one argument is JSON: {port, clients, thin}. It prints "ready" when it listens.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const { port, clients, thin } = JSON.parse(process.argv[2]);
const jwk = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg,
});
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: {
    keys: [
      jwk('rsa', { modulusLength: 2048 }, 'RS256'), jwk('rsa', { modulusLength: 2048 }, 'PS256'),
      jwk('ec', { namedCurve: 'P-256' }, 'ES256'), jwk('ed25519', {}, 'EdDSA'),
    ],
  },
  cookies: { keys: ['interop'] },
  enabledJWA: { idTokenSigningAlgValues: algorithms, clientAuthSigningAlgValues: algorithms },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  conformIdTokenClaims: thin,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id, name: id, email: `${id}@acme.example`, email_verified: true, preferred_username: `${id}@acme.example`,
    }),
  }),
  // The library's own client refuses loopback, where everything lives here.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
});
provider.on('server_error', (_, err) => console.error(err));
provider.on('backchannel.error', (_, err) => console.error(err));
provider.listen(port, '127.0.0.1', () => console.log('ready'));
