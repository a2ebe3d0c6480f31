// SPDX-License-Identifier: BSD-3-Clause
// What keeps many processes in order by a script: rate-limiter-flexible over ioredis and
// node-redis, and redlock, each with several clients at once. A case returns its outcome, for the
// comparison with the same case at another server.
import { deepStrictEqual as same, ok, rejects } from 'node:assert';
import IORedis from 'ioredis';
import { BurstyRateLimiter, RateLimiterQueue, RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { createRequire } from 'node:module';
import { port, run, waitFor } from './cases.mjs';

// Its module form does not name itself as one.
const { default: Redlock, ExecutionError } = createRequire(import.meta.url)('redlock');

const clientCount = 4;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const consume = (limiter, key, points = 1) =>
  limiter.consume(key, points).then(
    (given) => ['yes', given.remainingPoints, given.consumedPoints],
    (refused) => {
      if (refused instanceof Error) throw refused;
      ok(refused.msBeforeNext > 0);
      return ['no', refused.remainingPoints, refused.consumedPoints];
    },
  );

/** Clients of both libraries, at an empty server. */
async function clients(body) {
  const io = Array.from({ length: clientCount }, () => new IORedis({ host: '127.0.0.1', port }));
  const node = await createClient({ socket: { host: '127.0.0.1', port } }).connect();
  try {
    await io[0].flushall();
    return await body(io, node);
  } finally {
    for (const client of io) client.disconnect();
    node.destroy();
  }
}

const limiters = (stores, options) =>
  stores.map((storeClient) => new RateLimiterRedis({ storeClient, ...options }));

const limits = {
  noMoreThanItsPoints: async (io) => {
    const some = limiters(io, { points: 10, duration: 100 });
    const said = await Promise.all(
      Array.from({ length: 40 }, (_, i) => consume(some[i % clientCount], 'user')),
    );
    same(said.filter(([what]) => what === 'yes').length, 10);
    return said.map(([what, left, taken]) => `${what} ${left} ${taken}`).sort();
  },
  aWindowEnds: async (io) => {
    const [limiter] = limiters(io, { points: 1, duration: 1 });
    const said = await Promise.all([consume(limiter, 'a'), consume(limiter, 'a')]);
    await pause(1050);
    return [...said, await consume(limiter, 'a')];
  },
  penaltyRewardBlockDelete: async (io) => {
    const [limiter] = limiters(io, { points: 5, duration: 100, blockDuration: 50 });
    const said = [];
    said.push((await limiter.penalty('a', 3)).consumedPoints);
    said.push((await limiter.reward('a', 1)).consumedPoints);
    said.push(await consume(limiter, 'a', 3), await consume(limiter, 'a'));
    await limiter.block('b', 20);
    said.push(await consume(limiter, 'b'));
    said.push(await limiter.delete('b'), await consume(limiter, 'b'));
    await limiter.set('c', 4, 30);
    said.push((await limiter.get('c')).consumedPoints);
    return said;
  },
  overNodeRedis: async (_, node) => {
    const [limiter] = limiters([node], { points: 3, duration: 100, useRedisPackage: true });
    const said = [];
    for (let i = 0; i < 5; ++i) said.push(await consume(limiter, 'a'));
    return said;
  },
  bursts: async (io) => {
    const limiter = new BurstyRateLimiter(
      new RateLimiterRedis({ storeClient: io[0], points: 2, duration: 100 }),
      new RateLimiterRedis({ storeClient: io[1], keyPrefix: 'burst', points: 3, duration: 100 }),
    );
    const said = await Promise.all(
      Array.from({ length: 8 }, () => limiter.consume('a').then(() => 'yes', () => 'no')),
    );
    return said.sort();
  },
  queued: async (io) => {
    const [limiter] = limiters(io, { points: 3, duration: 1 });
    const queue = new RateLimiterQueue(limiter);
    const begin = Date.now();
    const left = await Promise.all(Array.from({ length: 6 }, () => queue.removeTokens(1)));
    ok(Date.now() - begin > 500);
    return left.length;
  },
};

const locks = {
  oneHolderAtATime: async (io) => {
    const makers = io.map((client) => new Redlock([client], { retryCount: 400, retryDelay: 5 }));
    let holders = 0;
    let most = 0;
    let sum = 0;
    const enter = async (redlock) => {
      const lock = await redlock.acquire(['room'], 5000);
      most = Math.max(most, ++holders);
      const read = sum;
      await pause(2);
      sum = read + 1;
      --holders;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 24 }, (_, i) => enter(makers[i % clientCount])));
    return [most, sum, await io[0].exists('room')];
  },
  extendedAndLost: async (io) => {
    const first = new Redlock([io[0]], { retryCount: 0 });
    const second = new Redlock([io[1]], { retryCount: 0 });
    const lock = await (await first.acquire(['a'], 10_000)).extend(50_000);
    ok((await io[0].pttl('a')) > 10_000);
    await rejects(second.acquire(['a'], 100), ExecutionError);
    await lock.release();
    const short = await second.acquire(['a'], 30);
    await waitFor(async () => !(await io[0].exists('a')), 'its end');
    const other = await first.acquire(['a'], 50_000);
    await rejects(short.extend(1000));
    await other.release();
    return io[0].exists('a');
  },
  severalResources: async (io) => {
    const redlock = new Redlock([io[0]], { retryCount: 0 });
    const lock = await redlock.acquire(['{r}1', '{r}2'], 50_000);
    await rejects(redlock.acquire(['{r}2', '{r}3'], 50_000));
    const left = [await io[0].exists('{r}1', '{r}2'), await io[0].exists('{r}3')];
    await lock.release();
    return [...left, await io[0].exists('{r}1', '{r}2')];
  },
  using: async (io) => {
    const redlock = new Redlock([io[0]], { retryCount: 0, automaticExtensionThreshold: 14_500 });
    // Half a second before its first extension, which may be late by as long as it likes to.
    const said = await redlock.using(['job'], 15_000, async (signal) => {
      let last = 15_000;
      const isExtended = async () => {
        const left = await io[1].pttl('job');
        const rises = left > last;
        last = left;
        return rises;
      };
      await waitFor(isExtended, 'the extension');
      return [signal.aborted, await io[1].exists('job')];
    });
    return [said, await io[1].exists('job')];
  },
};

const cases = {};
for (const [name, body] of Object.entries(limits))
  cases[`rate-limiter-flexible.${name}`] = () => clients(body);
for (const [name, body] of Object.entries(locks)) cases[`redlock.${name}`] = () => clients(body);
await run(cases);
