// SPDX-License-Identifier: BSD-3-Clause
// node-redis as an application uses it, over RESP2 and over RESP3.
import { deepStrictEqual as same, ok, rejects } from 'node:assert';
import {
  BasicClientSideCache, BasicPooledClientSideCache, createClient, createClientPool, RESP_TYPES,
} from 'redis';
import { port, run, waitFor } from './cases.mjs';

function make(more = {}) {
  const socket = { host: '127.0.0.1', port, reconnectStrategy: () => 20 };
  const client = createClient({ socket, ...more });
  client.on('error', () => {}); // a killed connection says so; the case looks at what follows
  return client;
}

function withClient(body, more) {
  return async () => {
    const client = await make(more).connect();
    try {
      await client.flushAll();
      await body(client);
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
}

const common = {
  strings: async (client) => {
    same(await client.set('a', 'b'), 'OK');
    same(await client.get('a'), 'b');
    same(await client.get('none'), null);
    same(await client.set('a', 'c', { condition: 'NX' }), null);
    same(await client.set('a', 'c', { GET: true }), 'b');
    same(await client.mSet({ x: '1', y: '2' }), 'OK');
    same(await client.mGet(['x', 'y', 'z']), ['1', '2', null]);
    same(await client.incrBy('x', 41), 42);
    same(await client.incrByFloat('x', 0.5), '42.5');
    same(await client.lcs('x', 'y'), '2');
    same(await client.getDel('x'), '42.5');
    same(await client.del(['a', 'y', 'none']), 2);
  },
  expiry: async (client) => {
    await client.set('a', 'b', { expiration: { type: 'PX', value: 40_000 } });
    ok((await client.pTTL('a')) > 0);
    await client.set('a', 'b', { expiration: { type: 'PX', value: 40 } });
    await waitFor(async () => (await client.exists('a')) === 0, 'the key to expire');
    await client.setEx('a', 100, 'b');
    same(await client.expire('a', 50, 'GT'), 0);
    same(await client.persist('a'), 1);
    same(await client.getEx('a', { type: 'EX', value: 50 }), 'b');
    ok((await client.ttl('a')) > 40);
  },
  pipeline: async (client) => {
    const pipeline = client.multi();
    for (let i = 0; i < 2000; ++i) pipeline.set(`k${i}`, `v${i}`);
    const replies = await pipeline.get('k1999').dbSize().execAsPipeline();
    same(replies.slice(-2), ['v1999', 2000]);
    const together = await Promise.all(Array.from({ length: 2000 }, (_, i) => client.get(`k${i}`)));
    same(together[1234], 'v1234');
  },
  scanIterator: async (client) => {
    await Promise.all(Array.from({ length: 3000 },
      (_, i) => client.set(i % 3 ? `other:${i}` : `mine:${i}`, i)));
    const seen = new Set();
    for await (const keys of client.scanIterator({ MATCH: 'mine:*', COUNT: 100, TYPE: 'string' })) {
      for (const key of keys) seen.add(key);
    }
    same(seen.size, 1000);
  },
  binary: async (client) => {
    const key = Buffer.from([0, 13, 10, 255, 42]);
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await client.set(key, value);
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    same(await binary.get(key), value);
    same(await binary.keys('*'), [key]);
  },
  unicode: async (client) => {
    await client.set('ключ 🔑', 'значение 値 🎈');
    same(await client.get('ключ 🔑'), 'значение 値 🎈');
  },
  bigValue: async (client) => {
    const big = Buffer.alloc(10 * 1024 * 1024, 'big');
    await client.set('big', big);
    same(await client.strLen('big'), big.length);
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    ok((await binary.get('big')).equals(big));
  },
  introspection: async (client) => {
    ok((await client.info('server')).includes('redis_version:7.2.4'));
    const config = await client.configGet('maxmemory-policy');
    same({ ...config }, { 'maxmemory-policy': 'noeviction' });
    same((await client.time()).length, 2);
    same(await client.objectEncoding('none'), null);
    await client.set('n', '12');
    same(await client.objectEncoding('n'), 'int');
    ok((await client.memoryUsage('n')) > 0);
    const info = await client.clientInfo();
    same(info.libName, 'node-redis');
    same(info.id, await client.clientId());
    ok((await client.clientList()).some((one) => one.id === info.id));
    ok((await client.commandCount()) > 70);
    same(await client.commandGetKeys(['MSET', 'a', '1', 'b', '2']), ['a', 'b']);
    same((await client.commandInfo(['get']))[0].name, 'get');
  },
  reconnectAfterKill: async (client) => {
    const other = await make().connect();
    for (let round = 0; round < 5; ++round) {
      const id = await client.clientId();
      same(await other.clientKill({ filter: 'ID', id }), 1);
      await waitFor(async () => {
        try {
          return (await client.set('after', String(round))) === 'OK' &&
            (await client.clientId()) > id;
        } catch {
          return false; // it was under way when the connection went
        }
      }, 'the client to come back');
    }
    other.destroy();
  },
  errors: async (client) => {
    await client.set('a', 'b');
    await rejects(client.incr('a'), { message: 'ERR value is not an integer or out of range' });
    await rejects(client.sendCommand(['NOPE', 'x']), /unknown command 'NOPE'/);
    same(await client.get('a'), 'b');
  },
  bitmapsAndCounts: async (client) => {
    same(await client.setBit('bits', 7, 1), 0);
    same(await client.bitCount('bits'), 1);
    same(await client.bitField('bits', [{ operation: 'GET', encoding: 'u8', offset: 0 }]), [1]);
    same(await client.pfAdd('hll', ['a', 'b', 'c']), 1);
    same(await client.pfCount('hll'), 3);
  },
  databases: async (client) => {
    await client.set('a', 'b');
    same(await client.move('a', 3), 1);
    await client.select(3);
    same(await client.get('a'), 'b');
    await client.swapDb(0, 3);
    same(await client.get('a'), null);
  },
  close: async (client) => {
    const pending = client.set('last', 'words');
    await client.close();
    same(await pending, 'OK');
  },
};

const cases = {};
for (const [name, body] of Object.entries(common)) {
  cases[`resp2.${name}`] = withClient(body, { RESP: 2 });
  cases[`resp3.${name}`] = withClient(body, { RESP: 3 });
}

for (const RESP of [2, 3]) {
  cases[`resp${RESP}.subscriber`] = withClient(async (client) => {
    const listener = await client.duplicate().connect();
    const got = [];
    await listener.subscribe(['news', 'other'], (text, channel) => got.push([channel, text]));
    await listener.pSubscribe('n*', (text, channel) => got.push(['n*', channel, text]));
    await listener.sSubscribe('news', (text, channel) => got.push(['shard', channel, text]));
    same(await client.publish('news', 'hello'), 2);
    same(await client.sPublish('news', 'hi'), 1);
    await waitFor(() => got.length === 3, 'the messages');
    same(got, [['news', 'hello'], ['n*', 'news', 'hello'], ['shard', 'news', 'hi']]);
    same(Number((await client.pubSubNumSub(['news'])).news), 1);
    if (RESP === 3) same(await listener.get('a'), null);
    // By their names: asked for all, this client waits in vain, on redis-server as well.
    await listener.unsubscribe(['news', 'other']);
    await listener.pUnsubscribe('n*');
    await listener.sUnsubscribe('news');
    same(await client.publish('news', 'late'), 0);
    listener.destroy();
  }, { RESP });
}

/** A client that caches what it reads and is told what changed; another that changes it. */
function withCache(body) {
  return async () => {
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: 'LRU' });
    const client = await make({ RESP: 3, clientSideCache: cache }).connect();
    const other = await make({ RESP: 3 }).connect();
    try {
      await other.flushAll();
      await body(client, other, cache);
    } finally {
      client.destroy();
      other.destroy();
    }
  };
}

cases['cache.hitsAndInvalidations'] = withCache(async (client, other, cache) => {
  await other.set('a', 'one');
  same(await client.get('a'), 'one');
  for (let i = 0; i < 10; ++i) same(await client.get('a'), 'one');
  same([cache.stats().missCount, cache.stats().hitCount], [1, 10]);
  await other.set('a', 'two');
  await waitFor(async () => (await client.get('a')) === 'two', 'the invalidation');
  await other.hSet('h', 'f', '1');
  same({ ...(await client.hGetAll('h')) }, { f: '1' });
  await other.hIncrBy('h', 'f', 41);
  await waitFor(async () => (await client.hGet('h', 'f')) === '42', 'the next invalidation');
  await waitFor(async () => (await client.hGetAll('h')).f === '42', 'the same for another command');
});
cases['cache.whatExpiresOrIsFlushed'] = withCache(async (client, other) => {
  // On a busy machine it may be gone before it is read.
  for (let ms = 50, got = null; got !== 'x'; ms *= 2) {
    ok(ms < 10_000, 'it is read before it expires');
    await other.set('short', 'x', { expiration: { type: 'PX', value: ms } });
    got = await client.get('short');
  }
  await waitFor(async () => (await client.get('short')) === null, 'the expiry to be told');
  await other.zAdd('z', { score: 1, value: 'a' });
  same(await client.zScore('z', 'a'), 1);
  await other.flushAll();
  await waitFor(async () => (await client.zScore('z', 'a')) === null, 'the flush to be told');
});
cases['cache.neverStaleUnderWrites'] = withCache(async (client, other, cache) => {
  for (let i = 1; i <= 300; ++i) {
    await Promise.all(Array.from({ length: 8 }, (_, key) => other.set(`k${key}`, i)));
    await client.ping(); // what was told before its answer has come
    const got = await Promise.all(Array.from({ length: 8 }, (_, key) => client.get(`k${key}`)));
    same(got, Array(8).fill(String(i)));
  }
  ok(cache.stats().missCount >= 8 * 300, 'each change was read anew');
});
cases['cache.ofAPool'] = async () => {
  const socket = { host: '127.0.0.1', port };
  const pool = await createClientPool({ socket, RESP: 3 }, {
    minimum: 2, maximum: 4, clientSideCache: new BasicPooledClientSideCache({ ttl: 0 }),
  }).connect();
  const other = await make().connect();
  await other.set('shared', '0');
  for (let i = 1; i <= 20; ++i) {
    await Promise.all(Array.from({ length: 10 }, () => pool.get('shared')));
    await other.set('shared', String(i));
    await waitFor(async () => (await pool.get('shared')) === String(i), 'the invalidation');
  }
  await pool.close();
  other.destroy();
};

cases.pool = async () => {
  const socket = { host: '127.0.0.1', port };
  const pool = await createClientPool({ socket }, { minimum: 2, maximum: 20 }).connect();
  await pool.del('n');
  await Promise.all(Array.from({ length: 2000 }, () => pool.incr('n')));
  same(await pool.get('n'), '2000');
  await pool.close();
};

cases.passwordAndName = withClient(async (client) => {
  await client.configSet('requirepass', 'пароль');
  try {
    const friend = await make({ RESP: 3, password: 'пароль', name: 'friend', database: 2 })
      .connect();
    same(await friend.clientGetName(), 'friend');
    same((await friend.clientInfo()).db, 2);
    friend.destroy();
    const stranger = make({ password: 'wrong', socket: { port, reconnectStrategy: false } });
    await rejects(stranger.connect(), /WRONGPASS/);
  } finally {
    await client.configSet('requirepass', '');
  }
});

await run(cases);
