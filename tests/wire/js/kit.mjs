// What the SDK scripts share. A task comes on stdin: {url, key, models, prompts, png, city, weather, seconds};
// run() does every scenario for every model and prints {model: {scenario: result}} as the last line.
// A result that throws becomes {error: {name, status, message}}.
import { readFileSync } from 'node:fs';

export const task = JSON.parse(readFileSync(0, 'utf8'));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function fault(e) {
  const status = e?.status ?? e?.statusCode ?? e?.status_code ?? e?.cause?.status ?? null;
  return { name: e?.name === 'Error' ? e.constructor.name : e?.name, status: typeof status === 'number' ? status : null,
           message: String(e?.message ?? e), text: e?.partial };
}

// scenarios: {name: async (model, ask) => result}; ask(scenario) is the prompt to use.
export async function run(scenarios, limit = 6) {
  const results = {};
  const jobs = [];
  for (const model of task.models) {
    results[model] = {};
    for (const [name, fn] of Object.entries(scenarios)) jobs.push({ model, name, fn });
  }
  const worker = async () => {
    for (let job; (job = jobs.shift()); ) {
      const ask = (scenario) => task.prompts[job.model][scenario];
      try {
        results[job.model][job.name] = await Promise.race([
          job.fn(job.model, ask),
          sleep(task.seconds * 1000).then(() => { throw new Error(`took more than ${task.seconds} s`); }),
        ]);
      } catch (e) {
        results[job.model][job.name] = { error: fault(e) };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  process.stdout.write('\n' + JSON.stringify(results) + '\n', () => process.exit(0));
}

// Collects a stream through `each`, which gives the text in a part (or nothing); a break in it is kept
// beside what came before.
export async function collect(stream, each, stopAfter = Infinity, stop = () => {}) {
  const got = { text: '', pieces: 0 };
  try {
    for await (const part of stream) {
      const text = each(part, got);
      if (text) {
        got.text += text;
        got.pieces++;
      }
      if (got.pieces >= stopAfter) {
        stop();
        break;
      }
    }
  } catch (e) {
    got.error = fault(e);
  }
  return got;
}

// Gives up on `start(signal)` after a moment: how long it took to come back.
export async function giveUp(start, ms = 500) {
  const controller = new AbortController();
  const begin = performance.now();
  setTimeout(() => controller.abort(), ms);
  let error = null;
  try {
    await start(controller.signal);
  } catch (e) {
    error = fault(e);
  }
  return { seconds: (performance.now() - begin) / 1000, raised: error };
}

export const degrees = (args) => `18 degrees in ${args.city}`;
export const description = 'The weather in a city';
