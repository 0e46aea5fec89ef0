// An OpenID provider for tests: issues JWT access tokens for one audience to clients
// that show their secret (client_credentials), and changes its keys when it is told.
//
//   node provider.mjs <folder of node_modules> <port> <certificate> <its key>
//
// Each line of its standard input is a JSON array of names of keys, the one that
// signs first. A key is made when it is named for the first time. As soon as the keys
// are in use, the line comes back. It ends with its standard input.

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [home, port, cert, key] = process.argv.slice(2);
const entry = `${home}/node_modules/oidc-provider/lib/index.js`;
const { default: Provider } = await import(pathToFileURL(entry).href);

const ISSUER = `https://localhost:${port}`;
const AUDIENCE = "urn:sluice";
const ALGORITHMS = {
  ES256: ["ec", { namedCurve: "P-256" }],
  RS256: ["rsa", { modulusLength: 2048 }],
  PS256: ["rsa", { modulusLength: 2048 }],
  EdDSA: ["ed25519", {}],
};

// Its standard output has the lines that were taken, and nothing else.
console.log = console.info = console.error;

const made = new Map();

// A name begins with its algorithm: `ES256-one`.
function privateKey(name) {
  if (!made.has(name)) {
    const alg = name.split("-")[0];
    const { privateKey } = generateKeyPairSync(...ALGORITHMS[alg]);
    const jwk = privateKey.export({ format: "jwk" });
    made.set(name, { ...jwk, kid: name, alg, use: "sig" });
  }
  return made.get(name);
}

const client = (client_id) => ({
  client_id,
  client_secret: `secret-of-${client_id}`,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: "client_secret_basic",
});

function providerOf(names) {
  const keys = names.map(privateKey);
  const used = [...new Set(keys.map((k) => k.alg))];
  const provider = new Provider(ISSUER, {
    jwks: { keys },
    clients: ["ann", "ben", "ed"].map(client),
    // The provider's default is RS256, for which there need not be a key.
    clientDefaults: { id_token_signed_response_alg: used[0] },
    enabledJWA: { idTokenSigningAlgValues: used },
    scopes: ["customer", "editor"],
    cookies: { keys: ["of-tests"] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: () => ({
          scope: "customer editor",
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: used[0], kid: names[0] } },
        }),
      },
    },
    // As other providers have it: the roles in a claim of their own.
    extraTokenClaims: (ctx, token) => ({ access: { roles: token.scope?.split(" ") } }),
  });
  return provider.callback();
}

let answer = (request, response) => response.writeHead(503).end();
const tls = { cert: readFileSync(cert), key: readFileSync(key) };
const server = createServer(tls, (...args) => answer(...args));

server.listen(Number(port), "127.0.0.1", async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    answer = providerOf(JSON.parse(line));
    process.stdout.write(`${line}\n`);
  }
  process.exit(0);
});
