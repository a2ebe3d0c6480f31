// SPDX-License-Identifier: BSD-3-Clause
// Job queues that live in Lua scripts: bullmq and bull, each with several workers. A case returns
// what became of its jobs, for the comparison with the same case at another server.
import { deepStrictEqual as same, ok } from 'node:assert';
import Bull from 'bull';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import IORedis from 'ioredis';
import { port, run, waitFor } from './cases.mjs';

const connection = { host: '127.0.0.1', port };
const workerCount = 4;
const numberOrder = (a, b) => a - b;

/** A queue and what belongs to it; all is closed and the data deleted at the end. */
function withQueue(body) {
  return async () => {
    const admin = new IORedis({ ...connection, maxRetriesPerRequest: null });
    const opened = [];
    const open = (thing) => {
      thing.on?.('error', () => {});
      opened.push(thing);
      return thing;
    };
    try {
      await admin.flushall();
      return await body({
        admin,
        queue: open(new Queue('work', { connection })),
        events: async () => {
          const events = open(new QueueEvents('work', { connection }));
          await events.waitUntilReady();
          return events;
        },
        workers: (job, options = {}) =>
          Array.from({ length: workerCount }, () =>
            open(new Worker('work', job, { connection, concurrency: 5, ...options })),
          ),
        open,
      });
    } finally {
      await Promise.all(opened.reverse().map((thing) => thing.close()));
      admin.disconnect();
    }
  };
}

const count = async (queue, ...states) => {
  const counts = await queue.getJobCounts(...states);
  return states.map((state) => counts[state]);
};
const done = (queue, wanted) =>
  waitFor(async () => (await queue.getJobCounts('completed')).completed === wanted, 'all jobs');

const bullmq = {
  eachJobIsDoneOnce: async ({ queue, workers }) => {
    const jobs = 300;
    await queue.addBulk(Array.from({ length: jobs }, (_, i) => ({ name: 'n', data: { i } })));
    const seen = [];
    workers(async (job) => {
      seen.push(job.data.i);
      return job.data.i * 2;
    });
    await done(queue, jobs);
    same(seen.sort(numberOrder), [...Array(jobs).keys()]);
    const values = (await queue.getCompleted(0, jobs)).map((job) => job.returnvalue);
    return [
      values.sort(numberOrder).slice(-3),
      await count(queue, 'waiting', 'active', 'completed', 'failed'),
    ];
  },
  failuresAreRetriedWithBackoff: async ({ queue, workers }) => {
    const options = { attempts: 3, backoff: { type: 'exponential', delay: 20 } };
    const tries = {};
    await queue.addBulk(
      ['never', 'second', 'third'].map((name) => ({ name, data: {}, opts: options })),
    );
    workers(async (job) => {
      tries[job.name] = (tries[job.name] ?? 0) + 1;
      const wanted = { never: 4, second: 2, third: 3 }[job.name];
      if (tries[job.name] < wanted) throw new Error(`not yet: ${tries[job.name]}`);
    });
    await waitFor(async () => {
      const [completed, failed] = await count(queue, 'completed', 'failed');
      return completed === 2 && failed === 1;
    }, 'two successes and a failure');
    const [failed] = await queue.getFailed();
    return [Object.entries(tries).sort(), failed.failedReason, failed.attemptsMade];
  },
  delayedAndByPriority: async ({ queue, open }) => {
    await queue.add('late', {}, { delay: 300 });
    await queue.add('low', {}, { priority: 10 });
    await queue.add('high', {}, { priority: 1 });
    await queue.add('first', {});
    await queue.add('last', {}, { lifo: false, priority: 100 });
    const order = [];
    let waited = 0;
    const work = async (job) => {
      // Who is before it depends on how busy the machine is.
      if (job.name === 'late') waited = Date.now() - job.timestamp;
      else order.push(job.name);
    };
    open(new Worker('work', work, { connection }));
    await done(queue, 5);
    ok(waited >= 300, `${waited} ms`);
    return order;
  },
  flowsWaitForTheirChildren: async ({ queue, workers, open }) => {
    const order = [];
    workers(async (job) => {
      order.push(job.name);
      if (job.name !== 'parent') return job.data.value;
      const values = Object.values(await job.getChildrenValues());
      return values.reduce((sum, value) => sum + value, 0);
    });
    const flow = open(new FlowProducer({ connection }));
    const { job } = await flow.add({
      name: 'parent',
      queueName: 'work',
      children: [1, 2, 3].map((value) => ({
        name: `child${value}`,
        queueName: 'work',
        data: { value },
        children: [{ name: 'grandchild', queueName: 'work', data: { value: 0 } }],
      })),
    });
    await done(queue, 7);
    same(order.at(-1), 'parent');
    return (await queue.getJob(job.id)).returnvalue;
  },
  eventsProgressAndLogs: async ({ queue, events, workers }) => {
    const told = await events();
    const seen = [];
    told.on('progress', ({ data }) => seen.push(`progress ${data}`));
    told.on('completed', ({ returnvalue }) => seen.push(`completed ${returnvalue}`));
    workers(async (job) => {
      await job.log('half of it');
      await job.updateProgress(50);
      return 'done';
    });
    const job = await queue.add('one', {});
    same(await job.waitUntilFinished(told, 10_000), 'done');
    await waitFor(() => seen.length === 2, 'two events');
    return [seen, (await queue.getJobLogs(job.id)).logs];
  },
  repeatedByScheduler: async ({ queue, workers }) => {
    let times = 0;
    workers(async () => {
      times += 1;
    });
    await queue.upsertJobScheduler('tick', { every: 50, limit: 4 }, { name: 'tick' });
    await done(queue, 4);
    await queue.removeJobScheduler('tick');
    return [times, await queue.getJobSchedulersCount()];
  },
  limitedToARate: async ({ queue, workers }) => {
    await queue.addBulk(Array.from({ length: 12 }, (_, i) => ({ name: 'n', data: { i } })));
    const at = [];
    const begin = Date.now();
    workers(async () => at.push(Date.now()), { limiter: { max: 4, duration: 300 } });
    await done(queue, 12);
    at.sort(numberOrder);
    // Three windows: the ninth comes two durations after the first.
    ok(at[8] - begin >= 500, `${at[8] - begin} ms`);
  },
  aDeadWorkersJobIsTakenOver: async ({ queue, workers, open }) => {
    const options = { connection, lockDuration: 300, stalledInterval: 200 };
    const held = new Worker('work', () => new Promise(() => {}), {
      ...options,
      skipLockRenewal: true,
      skipStalledCheck: true,
    });
    held.on('error', () => {});
    const job = await queue.add('one', {});
    await waitFor(async () => (await job.getState()) === 'active', 'the first worker');
    await held.close(true);
    workers(async () => 'rescued', { stalledInterval: 200 });
    await done(queue, 1);
    return (await queue.getJob(job.id)).returnvalue;
  },
  pausedDrainedObliterated: async ({ queue, workers }) => {
    await queue.pause();
    await queue.addBulk([1, 2, 3].map((i) => ({ name: 'n', data: { i } })));
    workers(async () => {});
    const paused = await count(queue, 'paused', 'waiting');
    await queue.drain();
    await queue.resume();
    await queue.add('more', {});
    await done(queue, 1);
    const before = await count(queue, 'completed', 'waiting', 'paused');
    await queue.obliterate({ force: true });
    return [paused, before, await count(queue, 'completed')];
  },
  deduplicatedAndRemoved: async ({ queue, admin }) => {
    const options = { deduplication: { id: 'same', ttl: 5000 } };
    const first = await queue.add('one', { i: 1 }, options);
    const second = await queue.add('one', { i: 2 }, options);
    same(first.id, second.id);
    const named = await queue.add('named', {}, { jobId: 'a-name' });
    await queue.add('named', {}, { jobId: 'a-name' });
    const counted = await count(queue, 'waiting');
    await named.remove();
    const left = await count(queue, 'waiting');
    return [counted, left, await admin.exists('bull:work:a-name')];
  },
};

/** The same for bull, the older one. */
function withBull(body) {
  return async () => {
    const admin = new IORedis(connection);
    await admin.flushall();
    const make = () => new Bull('old', { redis: connection });
    const queues = Array.from({ length: workerCount }, make);
    try {
      return await body(queues);
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
      admin.disconnect();
    }
  };
}

const bull = {
  eachJobIsDoneOnce: async (queues) => {
    const seen = [];
    for (const queue of queues) {
      queue.process(4, async (job) => {
        seen.push(job.data.i);
        return job.data.i;
      });
    }
    const jobs = 200;
    await queues[0].addBulk(Array.from({ length: jobs }, (_, i) => ({ data: { i } })));
    await waitFor(async () => (await queues[0].getJobCounts()).completed === jobs, 'all jobs');
    same(seen.sort(numberOrder), [...Array(jobs).keys()]);
    return queues[0].getJobCounts();
  },
  retriedDelayedAndFailed: async (queues) => {
    const tries = {};
    for (const queue of queues) {
      queue.process('*', async (job) => {
        tries[job.name] = (tries[job.name] ?? 0) + 1;
        if (job.name === 'bad' || (job.name === 'once' && tries.once === 1)) throw new Error('no');
      });
    }
    const options = { attempts: 2, backoff: 20 };
    await queues[0].add('bad', {}, options);
    await queues[0].add('once', {}, options);
    await queues[0].add('late', {}, { delay: 100 });
    await waitFor(async () => {
      const counts = await queues[0].getJobCounts();
      return counts.completed === 2 && counts.failed === 1;
    }, 'two successes and a failure');
    return [Object.entries(tries).sort(), (await queues[0].getFailed())[0].failedReason];
  },
  repeatedAndByPriority: async ([queue]) => {
    const order = [];
    await queue.pause();
    await queue.add('low', {}, { priority: 9 });
    await queue.add('high', {}, { priority: 1 });
    await queue.add('tick', {}, { repeat: { every: 50, limit: 3 }, priority: 20 });
    queue.process('*', 1, async (job) => order.push(job.name));
    await queue.resume();
    await waitFor(() => order.length === 5, 'five jobs');
    return order;
  },
};

const cases = {};
for (const [name, body] of Object.entries(bullmq)) cases[`bullmq.${name}`] = withQueue(body);
for (const [name, body] of Object.entries(bull)) cases[`bull.${name}`] = withBull(body);
await run(cases);
