// SPDX-License-Identifier: BSD-3-Clause
// A list of cases for the Node.js scripts: each prints "ok NAME" or "FAIL NAME: why" on one line.
// The server's port is the first argument.
export const port = Number(process.argv[2]);

const secondsMax = 20;

/** Rejects if `promise` takes longer than any reply may. */
export function withDeadline(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), secondsMax * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks `condition` again and again until it holds. */
export async function waitFor(condition, what) {
  const deadline = Date.now() + secondsMax * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs the cases one after the other and ends the process. What a case returns is shown. */
export async function run(cases) {
  for (const [name, body] of Object.entries(cases)) {
    try {
      const outcome = await withDeadline(body(), name);
      console.log(outcome === undefined ? `ok ${name}` : `ok ${name}: ${JSON.stringify(outcome)}`);
    } catch (error) {
      console.log(`FAIL ${name}: ${String(error.stack ?? error).replaceAll('\n', ' | ')}`);
    }
  }
  process.exit(0);
}
