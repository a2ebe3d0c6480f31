// SPDX-License-Identifier: BSD-3-Clause
// ioredis as an application uses it.
import { deepStrictEqual as same, ok, rejects } from 'node:assert';
import Redis from 'ioredis';
import { port, run, waitFor } from './cases.mjs';

const options = { host: '127.0.0.1', port, retryStrategy: () => 20 };

/** A case with a connection of its own and an empty database. */
function withClient(body, more = {}) {
  return async () => {
    const redis = new Redis({ ...options, ...more });
    redis.on('error', () => {}); // a killed connection says so; the case looks at what follows
    try {
      await redis.flushall();
      await body(redis);
    } finally {
      redis.disconnect();
    }
  };
}

await run({
  strings: withClient(async (redis) => {
    same(await redis.set('a', 'b'), 'OK');
    same(await redis.get('a'), 'b');
    same(await redis.get('none'), null);
    same(await redis.set('a', 'c', 'NX'), null);
    same(await redis.set('a', 'c', 'XX', 'GET'), 'b');
    same(await redis.append('a', 'd'), 2);
    same(await redis.mset({ x: '1', y: '2' }), 'OK');
    same(await redis.mget('x', 'y', 'z'), ['1', '2', null]);
    same(await redis.incr('x'), 2);
    same(await redis.incrbyfloat('x', 0.5), '2.5');
    same(await redis.getdel('x'), '2.5');
    same(await redis.del('a', 'y', 'none'), 2);
  }),
  expiry: withClient(async (redis) => {
    await redis.set('a', 'b', 'PX', 40_000);
    ok((await redis.pttl('a')) > 0);
    await redis.set('a', 'b', 'PX', 40);
    await waitFor(async () => (await redis.exists('a')) === 0, 'the key to expire');
    await redis.setex('a', 100, 'b');
    ok((await redis.ttl('a')) > 90);
    same(await redis.persist('a'), 1);
    same(await redis.ttl('a'), -1);
    same(await redis.expire('a', 10, 'XX'), 0);
    same(await redis.getex('a', 'EX', 50), 'b');
    ok((await redis.ttl('a')) > 40);
  }),
  pipeline: withClient(async (redis) => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 5000; ++i) pipeline.set(`k${i}`, `v${i}`);
    pipeline.get('k4999').incr('k0').dbsize();
    const replies = await pipeline.exec();
    same(replies.length, 5003);
    same(replies[5000], [null, 'v4999']);
    ok(replies[5001][0].message.includes('not an integer'));
    same(replies[5002], [null, 5000]);
  }),
  autoPipelining: withClient(async (redis) => {
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => redis.incrby('n', i)));
    same(replies.at(-1), (999 * 1000) / 2);
  }, { enableAutoPipelining: true }),
  scanStream: withClient(async (redis) => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 3000; ++i) pipeline.set(i % 3 ? `other:${i}` : `mine:${i}`, i);
    await pipeline.exec();
    const seen = new Set();
    for await (const keys of redis.scanStream({ match: 'mine:*', count: 100, type: 'string' })) {
      for (const key of keys) seen.add(key);
    }
    same(seen.size, 1000);
  }),
  binary: withClient(async (redis) => {
    const key = Buffer.from([0, 13, 10, 255, 42]);
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await redis.set(key, value);
    same(await redis.getBuffer(key), value);
    same((await redis.keysBuffer('*'))[0], key);
    same(await redis.exists(key), 1);
  }),
  unicode: withClient(async (redis) => {
    await redis.set('ключ 🔑', 'значение 値 🎈');
    same(await redis.get('ключ 🔑'), 'значение 値 🎈');
    same(await redis.keys('ключ*'), ['ключ 🔑']);
  }),
  bigValue: withClient(async (redis) => {
    const big = Buffer.alloc(10 * 1024 * 1024, 'big');
    await redis.set('big', big);
    same(await redis.strlen('big'), big.length);
    const [one, two] = await Promise.all([redis.getBuffer('big'), redis.getBuffer('big')]);
    ok(one.equals(big) && two.equals(big));
    same(await redis.getrange('big', 0, 5), 'bigbig');
  }),
  databases: withClient(async (redis) => {
    await redis.set('a', 'in five');
    const zero = new Redis(options);
    same(await zero.get('a'), null);
    await zero.select(5);
    same(await zero.get('a'), 'in five');
    zero.disconnect();
  }, { db: 5 }),
  keyPrefix: withClient(async (redis) => {
    await redis.mset('a', 1, 'b', 2);
    same(await redis.mget('a', 'b'), ['1', '2']);
    same((await redis.keys('*')).sort(), ['app:a', 'app:b']);
    same(await redis.bitop('OR', 'c', 'a', 'b'), 1);
    same(await redis.copy('c', 'd'), 1);
  }, { keyPrefix: 'app:' }),
  nameAndId: withClient(async (redis) => {
    same(await redis.client('GETNAME'), 'of-ioredis');
    ok((await redis.client('ID')) > 0);
    ok((await redis.client('LIST')).includes('name=of-ioredis '));
  }, { connectionName: 'of-ioredis' }),
  reconnectAfterKill: withClient(async (redis) => {
    const other = new Redis(options);
    for (let round = 0; round < 5; ++round) {
      const id = await redis.client('ID');
      same(await other.client('KILL', 'ID', id), 1);
      same(await redis.set('after', String(round)), 'OK'); // sent again by itself
      ok((await redis.client('ID')) > id);
    }
    other.disconnect();
  }),
  errors: withClient(async (redis) => {
    await redis.set('a', 'b');
    await rejects(redis.incr('a'), { message: 'ERR value is not an integer or out of range' });
    await rejects(redis.call('NOPE', 'x'), /unknown command 'NOPE', with args beginning with: 'x'/);
    await rejects(redis.call('GET'), /wrong number of arguments for 'get' command/);
    same(await redis.get('a'), 'b');
  }),
  bitmapsAndCounts: withClient(async (redis) => {
    same(await redis.setbit('bits', 7, 1), 0);
    same(await redis.bitcount('bits'), 1);
    same(await redis.bitfield('bits', 'SET', 'u8', 0, 255, 'GET', 'u4', 0), [1, 15]);
    same(await redis.pfadd('hll', 'a', 'b', 'c'), 1);
    same(await redis.pfcount('hll'), 3);
  }),
  password: withClient(async (redis) => {
    await redis.config('SET', 'requirepass', 'пароль');
    try {
      const stranger = new Redis({ ...options, lazyConnect: true, enableReadyCheck: false });
      stranger.on('error', () => {});
      await rejects(stranger.get('a'), /NOAUTH/);
      stranger.disconnect();
      const friend = new Redis({ ...options, password: 'пароль' });
      same(await friend.ping(), 'PONG');
      friend.disconnect();
    } finally {
      await redis.config('SET', 'requirepass', '');
    }
  }),
  manyConnections: withClient(async (redis) => {
    const clients = Array.from({ length: 50 }, () => new Redis(options));
    const burst = (client) => Promise.all(Array.from({ length: 40 }, () => client.incr('n')));
    await Promise.all(clients.map(burst));
    same(await redis.get('n'), '2000');
    for (const client of clients) client.disconnect();
  }),
  subscriber: withClient(async (redis) => {
    const listener = new Redis(options);
    const got = [];
    listener.on('message', (channel, text) => got.push([channel, text]));
    listener.on('pmessage', (pattern, channel, text) => got.push([pattern, channel, text]));
    same(await listener.subscribe('news', 'other'), 2);
    same(await listener.psubscribe('n*'), 3);
    same(await redis.publish('news', 'hello'), 2);
    await waitFor(() => got.length === 2, 'both messages');
    same(got, [['news', 'hello'], ['n*', 'news', 'hello']]);
    await rejects(listener.get('a'), /subscriber mode/);
    same(await listener.ping(), ['pong', '']);
    same(await redis.pubsub('NUMSUB', 'news', 'none'), ['news', 1, 'none', 0]);
    same(await listener.unsubscribe('news', 'other'), 1);
    same(await listener.punsubscribe(), 0);
    same(await listener.get('a'), null);
    listener.disconnect();
  }),
  subscriberComesBack: withClient(async (redis) => {
    const listener = new Redis(options);
    listener.on('error', () => {});
    const got = [];
    listener.on('messageBuffer', (channel, bytes) => got.push(bytes));
    await listener.subscribe('news');
    same(await redis.client('KILL', 'TYPE', 'pubsub'), 1);
    same(await redis.publish('news', 'lost'), 0);
    await waitFor(async () => (await redis.publish('news', 'x')) === 1, 'the listener to be back');
    const blob = Buffer.from(Array.from({ length: 100000 }, (_, i) => i % 256));
    await redis.publish('news', blob);
    await waitFor(() => got.length >= 2, 'the messages');
    same(got.at(-1), blob);
    listener.disconnect();
  }),
  shardChannels: withClient(async (redis) => {
    const listener = new Redis(options);
    const got = [];
    listener.on('smessage', (channel, text) => got.push([channel, text]));
    same(await listener.ssubscribe('news'), 1);
    same(await redis.publish('news', 'no'), 0);
    same(await redis.spublish('news', 'hello'), 1);
    await waitFor(() => got.length === 1, 'the message');
    same(got, [['news', 'hello']]);
    same(await listener.sunsubscribe('news'), 0);
    listener.disconnect();
  }),
  // This client speaks RESP2, so that another of its connections hears what has changed.
  trackingRedirected: withClient(async (redis) => {
    const listener = new Redis(options);
    const other = new Redis(options);
    const told = [];
    listener.on('message', (channel, keys) => told.push([channel, keys]));
    await listener.client('ID'); // connected
    await listener.subscribe('__redis__:invalidate');
    const listenerId = (await redis.client('LIST', 'TYPE', 'pubsub')).match(/^id=(\d+)/)[1];
    same(await redis.client('TRACKING', 'ON', 'REDIRECT', listenerId, 'NOLOOP'), 'OK');
    same(await redis.client('GETREDIR'), Number(listenerId));
    await redis.mget('a', 'b', 'c');
    await redis.set('a', 'own change'); // not told
    await other.mset('b', 1, 'unread', 2);
    await waitFor(() => told.length === 1, 'the invalidation');
    same(told, [['__redis__:invalidate', 'b']]);
    await other.lpush('c', 'x');
    await waitFor(() => told.length === 2, 'the next invalidation');
    await other.lpush('c', 'y'); // told already, and not read since
    await redis.lrange('c', 0, -1);
    await other.del('c');
    await waitFor(() => told.length === 3, 'the deletion');
    same(told.slice(1).map((one) => one[1]), ['c', 'c']);
    listener.disconnect();
    other.disconnect();
  }),
  quit: withClient(async (redis) => {
    same(await redis.quit(), 'OK');
    await waitFor(() => redis.status === 'end', 'the end of the connection');
  }),
});
