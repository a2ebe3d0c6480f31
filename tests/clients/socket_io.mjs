// SPDX-License-Identifier: BSD-3-Clause
// socket.io: two servers that know of each other only through pub/sub, with real clients at both.
//
// The plain adapter (PSUBSCRIBE, PUBLISH, PUBSUB NUMSUB) and the sharded one (SSUBSCRIBE, SPUBLISH,
// PUBSUB SHARDNUMSUB), over node-redis and over ioredis.
import { deepStrictEqual as same } from 'node:assert';
import { once } from 'node:events';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import Redis from 'ioredis';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { port, run, waitFor } from './cases.mjs';

const socket = { host: '127.0.0.1', port };

/** The adapter unsubscribes as its server ends, so the connections wait for that. */
async function nodeRedis(RESP) {
  const publisher = await createClient({ socket, RESP }).connect();
  const subscriber = await publisher.duplicate().connect();
  return { publisher, subscriber, end: () => [publisher, subscriber].map((one) => one.close()) };
}

const kinds = {
  nodeRedis: () => nodeRedis(2),
  nodeRedisResp3: () => nodeRedis(3),
  ioredis: async () => {
    const publisher = new Redis(socket);
    const subscriber = new Redis(socket);
    return { publisher, subscriber, end: () => [publisher, subscriber].map((one) => one.quit()) };
  },
};

/** Two servers of one kind, with two clients each; `body` gets both lists. */
async function withTwoServers(kind, make, body) {
  const links = [await kinds[kind](), await kinds[kind]()];
  const servers = [];
  const clients = [];
  try {
    for (const { publisher, subscriber } of links) {
      const server = new Server(0, { adapter: make(publisher, subscriber) });
      await waitFor(() => server.httpServer.listening, 'the server');
      servers.push(server);
      server.on('connection', (one) => {
        one.on('join', (room, done) => Promise.resolve(one.join(room)).then(done));
        one.on('question', (text, done) => done(`${text}!`));
      });
    }
    for (let i = 0; i < 4; ++i) {
      const address = `http://127.0.0.1:${servers[i % 2].httpServer.address().port}`;
      const client = connect(address, { transports: ['websocket'], forceNew: true });
      client.got = [];
      client.on('news', (...words) => client.got.push(words));
      clients.push(client);
      await once(client, 'connect');
    }
    for (const server of servers) {
      await waitFor(async () => (await server.of('/').adapter.serverCount()) === 2, 'both servers');
    }
    await body(servers, clients);
  } finally {
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map((server) => server.close()));
    await Promise.all(links.flatMap((link) => link.end()));
  }
}

const all = (clients, count) =>
  waitFor(() => clients.every((client) => client.got.length === count), `${count} messages each`);

async function broadcast(servers, clients) {
  servers[0].emit('news', 'to all', { deep: [1, null, 'ü'] });
  await all(clients, 1);
  for (const client of clients) same(client.got, [['to all', { deep: [1, null, 'ü'] }]]);
  const blob = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 256));
  servers[1].emit('news', blob);
  await all(clients, 2);
  for (const client of clients) same(Buffer.from(client.got[1][0]), blob);
}

async function inOrder(servers, clients) {
  for (let i = 0; i < 1000; ++i) servers[0].emit('news', i);
  await all(clients, 1000);
  for (const client of clients) same(client.got.map((words) => words[0]), [...Array(1000).keys()]);
}

async function rooms(servers, clients) {
  let heard = false;
  clients[2].on('probe', () => { heard = true; });
  await Promise.all([0, 1, 2].map((i) => clients[i].emitWithAck('join', 'kitchen')));
  // The sharded adapter acknowledges before its SSUBSCRIBE to the room's channel is answered.
  await waitFor(() => {
    if (!heard) servers[1].to('kitchen').emit('probe');
    return heard;
  }, 'the room across servers');
  servers[1].to('kitchen').except(clients[0].id).emit('news', 'tea');
  await all([clients[1], clients[2]], 1);
  servers[0].emit('news', 'later');
  await all([clients[1], clients[2]], 2);
  await all([clients[0], clients[3]], 1);
  same((await servers[1].in('kitchen').fetchSockets()).length, 3);
}

async function remoteControl(servers, clients) {
  const answers = await servers[0].timeout(200).emitWithAck('ask', 1).catch((error) => error);
  same(answers.responses, [], 'nobody answers that');
  for (const client of clients) client.on('sum', (a, b, done) => done(a + b));
  same(await servers[0].timeout(10_000).emitWithAck('sum', 2, 3), [5, 5, 5, 5]);
  same((await servers[0].fetchSockets()).map((each) => each.id).sort(),
    clients.map((each) => each.id).sort());
  servers[1].on('hello', (name, done) => done(`hello ${name}`));
  same(await servers[0].serverSideEmitWithAck('hello', 'you'), ['hello you']);
  await servers[0].in(clients[1].id).socketsJoin('made to');
  await waitFor(async () => (await servers[1].in('made to').fetchSockets()).length === 1, 'a join');
  servers[0].in(clients[1].id).disconnectSockets();
  await waitFor(() => !clients[1].connected, 'the disconnection');
}

const adapters = {
  plain: { of: createAdapter, kinds: ['nodeRedis', 'nodeRedisResp3', 'ioredis'] },
  sharded: { of: createShardedAdapter, kinds: ['nodeRedis', 'nodeRedisResp3', 'ioredis'] },
  shardedDynamic: {
    of: (publisher, subscriber) =>
      createShardedAdapter(publisher, subscriber, { subscriptionMode: 'dynamic-private' }),
    kinds: ['nodeRedis'],
  },
};

const cases = {};
for (const [name, adapter] of Object.entries(adapters)) {
  for (const kind of adapter.kinds) {
    for (const body of [broadcast, inOrder, rooms, remoteControl]) {
      cases[`${name}.${kind}.${body.name}`] = () => withTwoServers(kind, adapter.of, body);
    }
  }
}
await run(cases);
