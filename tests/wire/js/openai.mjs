// The openai SDK: chat completions.
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const client = new OpenAI({ baseURL: task.url + '/v1', apiKey: task.key });
const user = (content) => [{ role: 'user', content }];
const counts = (u) => (u ? [u.prompt_tokens, u.completion_tokens] : null);
const create = (model, messages, more = {}, options = {}) =>
  client.chat.completions.create({ model, messages, ...more }, options);
const text = (chunk, got) => {
  const choice = chunk.choices[0];
  if (chunk.usage) got.usage = counts(chunk.usage);
  if (choice?.finish_reason) got.finish = choice.finish_reason;
  got.thinking = (got.thinking ?? '') + (choice?.delta?.reasoning_content ?? '');
  return choice?.delta?.content;
};

const tool = { type: 'function', function: { name: 'get_weather', description, parameters: task.city } };
const Weather = z.object({ city: z.string(), temp: z.number() });
const called = (calls) => calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]);

async function loop(model, prompt) {
  const messages = user(prompt);
  const first = await create(model, messages, { tools: [tool] });
  const { tool_calls } = first.choices[0].message;
  messages.push(first.choices[0].message);
  for (const c of tool_calls)
    messages.push({ role: 'tool', tool_call_id: c.id, content: degrees(JSON.parse(c.function.arguments)) });
  const last = await create(model, messages, { tools: [tool] });
  return { calls: called(tool_calls), ids: tool_calls.map((c) => c.id), text: last.choices[0].message.content };
}

// The SDK's own loop: it streams, puts the calls together, runs the functions and asks again.
async function runner(model, prompt) {
  const calls = [];
  const get_weather = { type: 'function', function: { name: 'get_weather', description, parameters: task.city,
    parse: JSON.parse, function: (args) => { calls.push(['get_weather', args]); return degrees(args); } } };
  const it = client.chat.completions.runTools({ model, messages: user(prompt), tools: [get_weather], stream: true });
  return { text: await it.finalContent(), calls };
}

await run({
  plain: async (model, ask) => {
    const r = await create(model, user(ask('plain')));
    return { text: r.choices[0].message.content, finish: r.choices[0].finish_reason, usage: counts(r.usage) };
  },
  stream: async (model, ask) => collect(
    await create(model, user(ask('stream')), { stream: true, stream_options: { include_usage: true } }), text),
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => runner(model, ask('call') + ' streamed'),
  calls_stream: (model, ask) => runner(model, ask('calls') + ' streamed'),
  image: async (model, ask) => {
    const r = await create(model, user([{ type: 'text', text: ask('image') },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,' + task.png } }]));
    return { text: r.choices[0].message.content };
  },
  json: async (model, ask) => {
    const r = await client.chat.completions.parse({ model, messages: user(ask('json')),
      response_format: zodResponseFormat(Weather, 'weather') });
    return { value: r.choices[0].message.parsed };
  },
  think: async (model, ask) => {
    const { message } = (await create(model, user(ask('think')), { reasoning_effort: 'low' })).choices[0];
    return { text: message.content, thinking: message.reasoning_content };
  },
  think_stream: async (model, ask) => collect(
    await create(model, user(ask('think')), { stream: true, reasoning_effort: 'low' }), text),
  bad: (model, ask) => create(model, user(ask('bad'))),
  wrongkey: (model, ask) =>
    new OpenAI({ baseURL: task.url + '/v1', apiKey: 'sk-wrong' }).chat.completions.create(
      { model, messages: user(ask('plain')) }),
  retry: async (model, ask) => ({ text: (await create(model, user(ask('retry')))).choices[0].message.content }),
  midstream: async (model, ask) => collect(await create(model, user(ask('midstream')), { stream: true }), text),
  cut: async (model, ask) => collect(await create(model, user(ask('cut')), { stream: true }), text),
  abort: async (model, ask) => {
    const stream = await create(model, user(ask('abort')), { stream: true });
    return collect(stream, text, 2, () => stream.controller.abort());
  },
  silent: (model, ask) => giveUp((signal) => create(model, user(ask('silent')), { stream: true },
    { signal, maxRetries: 0 })),
  models: async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return { ids };
  },
});
