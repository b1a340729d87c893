// An identity provider for the tests: oidc-provider, with one person and the groups that the command line names.
//
//     node provider.js MODULES PORT '{"client": {…}, "person": {…}}'
//
// MODULES is the folder that tools/make_provider.py installed into. Prints one line when it listens.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, port, told] = process.argv.slice(2);
const main = createRequire(join(modules, "package.json")).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(main).href);
const { client, person } = JSON.parse(told);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"], acr: null, amr: null, auth_time: null },
  conformIdTokenClaims: false, // the groups stand in the signed token
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...person }) }),
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
});
provider.on("server_error", (_context, error) => console.error(error));
provider.listen(Number(port), "127.0.0.1", () => console.log(issuer));
