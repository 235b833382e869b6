// The audits of graphql-http: whether we speak GraphQL over HTTP. All of them must be ok; a warning fails, too.
import { auditServer } from 'graphql-http';
import { authorization, url } from './server.mjs';

// Some of them ask for types, and introspection is for those who signed in.
const signedIn = (address, init = {}) => fetch(address, { ...init, headers: { ...init.headers, ...authorization } });

const results = await auditServer({ url, fetchFn: signedIn });
const failed = results.filter((result) => result.status !== 'ok');
for (const { id, name, status, reason } of failed) console.error(`${status} ${id} ${name}: ${reason}`);
console.log(`${results.length - failed.length}/${results.length} audits ok`);
process.exit(failed.length || results.length < 61 ? 1 : 0);
