// SPDX-License-Identifier: BSD-3-Clause
// connect-redis keeps the sessions of express-session: through the store's own calls, and through
// the middleware behind a real HTTP server, over node-redis with RESP2 and RESP3.
import { deepStrictEqual as same, ok } from 'node:assert';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import { port, run, waitFor } from './cases.mjs';

/** A case with a store of its own, in an empty database. */
function withStore(body, more = {}, RESP = 2) {
  return async () => {
    const client = await createClient({ RESP, socket: { host: '127.0.0.1', port } }).connect();
    try {
      await client.flushAll();
      await body(new RedisStore({ client, ...more }), client);
    } finally {
      client.destroy();
    }
  };
}

/** One request; what it says, and the cookie to come back with. */
async function visit(address, cookie) {
  const reply = await fetch(address, { headers: cookie ? { cookie } : {} });
  const given = reply.headers.get('set-cookie')?.split(';')[0];
  return { said: await reply.text(), cookie: given ?? cookie };
}

const common = {
  store: async (store, client) => {
    same(await store.get('none'), null);
    const cookie = { originalMaxAge: 100_000 };
    await store.set('one', { cookie, name: 'ключ 🔑', list: [1, 2] });
    same((await store.get('one')).name, 'ключ 🔑');
    ok((await client.ttl('sess:one')) > 86_000);
    await store.set('two', { cookie: { expires: new Date(Date.now() + 30_000) } });
    ok((await client.ttl('sess:two')) <= 30);
    await store.touch('two', { cookie });
    ok((await client.ttl('sess:two')) > 86_000);
    same(await store.length(), 2);
    same((await store.ids()).sort(), ['one', 'two']);
    same((await store.all()).map((each) => each.id).sort(), ['one', 'two']);
    await store.destroy('one');
    same(await store.get('one'), null);
    await store.clear();
    same(await client.dbSize(), 0);
  },
  manySessions: async (store) => {
    const cookie = { originalMaxAge: 1000 };
    await Promise.all(Array.from({ length: 3000 }, (_, i) => store.set(`s${i}`, { cookie, i })));
    same(await store.length(), 3000);
    same((await store.all()).reduce((sum, each) => sum + each.i, 0), (2999 * 3000) / 2);
    await store.clear();
    same(await store.length(), 0);
  },
  anExpiredSessionIsGone: async (store, client) => {
    await store.set('short', { cookie: {} });
    await client.pExpire('sess:short', 20);
    await waitFor(async () => (await store.get('short')) === null, 'the session to expire');
    same(await store.ids(), []);
  },
  middleware: async (store) => {
    const open = session({ store, secret: 'cat', resave: false, saveUninitialized: true });
    const server = createServer((request, response) => open(request, response, () => {
      if (request.url === '/leave') {
        request.session.destroy(() => response.end('left'));
        return;
      }
      request.session.visits = (request.session.visits ?? 0) + 1;
      response.end(String(request.session.visits));
    })).listen(0, '127.0.0.1');
    try {
      await waitFor(() => server.listening, 'the HTTP server');
      const address = `http://127.0.0.1:${server.address().port}`;
      const first = await visit(`${address}/`);
      same(first.said, '1');
      for (const wanted of ['2', '3', '4']) {
        same((await visit(`${address}/`, first.cookie)).said, wanted);
      }
      same((await visit(`${address}/`)).said, '1', 'another visitor');
      same(await store.length(), 2);
      same((await visit(`${address}/leave`, first.cookie)).said, 'left');
      same((await visit(`${address}/`, first.cookie)).said, '1', 'a new session');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  },
};

const cases = {
  ownPrefix: withStore(async (store, client) => {
    await store.set('x', { cookie: {} });
    await client.set('sess:other', 'not mine');
    same(await client.ttl('app:x'), -1);
    same(await store.ids(), ['x']);
  }, { prefix: 'app:', disableTTL: true, scanCount: 1 }),
};
for (const [name, body] of Object.entries(common)) {
  cases[`resp2.${name}`] = withStore(body, {}, 2);
  cases[`resp3.${name}`] = withStore(body, {}, 3);
}
await run(cases);
