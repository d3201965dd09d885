// The openai SDK: responses.
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const client = new OpenAI({ baseURL: task.url + '/v1', apiKey: task.key });
const counts = (u) => (u ? [u.input_tokens, u.output_tokens] : null);
const create = (model, input, more = {}, options = {}) => client.responses.create({ model, input, ...more }, options);
const tool = { type: 'function', name: 'get_weather', description, parameters: task.city, strict: true };
const Weather = z.object({ city: z.string(), temp: z.number() });

const text = (ev, got) => {
  got.events = got.events ?? {};
  got.events[ev.type] = (got.events[ev.type] ?? 0) + 1;
  got.ordered = (got.ordered ?? true) && ev.sequence_number === (got.last ?? -1) + 1;
  got.last = ev.sequence_number;
  if (ev.type === 'response.completed') {
    got.usage = counts(ev.response.usage);
    got.finish = ev.response.status;
    got.output = ev.response.output;
  }
  if (ev.type === 'response.failed') throw Object.assign(new Error(ev.response.error?.message), { name: 'Failed' });
  if (ev.type === 'error') throw Object.assign(new Error(ev.message), { name: 'ErrorEvent' });
  return ev.type === 'response.output_text.delta' ? ev.delta : '';
};

async function loop(model, prompt, stream) {
  const input = [{ role: 'user', content: prompt }];
  let response;
  if (stream) {
    const events = client.responses.stream({ model, input, tools: [tool] });
    response = await events.finalResponse();
  } else {
    response = await create(model, input, { tools: [tool] });
  }
  const calls = response.output.filter((o) => o.type === 'function_call');
  input.push(...response.output);
  for (const c of calls)
    input.push({ type: 'function_call_output', call_id: c.call_id, output: degrees(JSON.parse(c.arguments)) });
  const last = await create(model, input, { tools: [tool] });
  return { calls: calls.map((c) => [c.name, JSON.parse(c.arguments)]), ids: calls.map((c) => c.call_id),
           text: last.output_text };
}

await run({
  plain: async (model, ask) => {
    const r = await create(model, ask('plain'), { instructions: 'Be brief.' });
    return { text: r.output_text, finish: r.status, usage: counts(r.usage) };
  },
  stream: async (model, ask) => collect(await create(model, ask('stream'), { stream: true }), text),
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => loop(model, ask('call'), true),
  calls_stream: (model, ask) => loop(model, ask('calls'), true),
  image: async (model, ask) => {
    const r = await create(model, [{ role: 'user', content: [{ type: 'input_text', text: ask('image') },
      { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,' + task.png }] }]);
    return { text: r.output_text };
  },
  json: async (model, ask) => {
    const r = await client.responses.parse({ model, input: ask('json'),
      text: { format: zodTextFormat(Weather, 'weather') } });
    return { value: r.output_parsed };
  },
  think: async (model, ask) => {
    const r = await create(model, ask('think'), { reasoning: { effort: 'low', summary: 'auto' } });
    const reasoning = r.output.find((o) => o.type === 'reasoning');
    return { text: r.output_text, thinking: reasoning?.summary.map((s) => s.text).join('') };
  },
  bad: (model, ask) => create(model, ask('bad')),
  wrongkey: (model, ask) =>
    new OpenAI({ baseURL: task.url + '/v1', apiKey: 'sk-wrong' }).responses.create({ model, input: ask('plain') }),
  retry: async (model, ask) => ({ text: (await create(model, ask('retry'))).output_text }),
  midstream: async (model, ask) => collect(await create(model, ask('midstream'), { stream: true }), text),
  cut: async (model, ask) => collect(await create(model, ask('cut'), { stream: true }), text),
  abort: async (model, ask) => {
    const stream = await create(model, ask('abort'), { stream: true });
    return collect(stream, text, 2, () => stream.controller.abort());
  },
  silent: (model, ask) => giveUp((signal) => create(model, ask('silent'), { stream: true }, { signal, maxRetries: 0 })),
});
