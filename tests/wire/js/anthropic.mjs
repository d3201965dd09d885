// The Anthropic SDK: messages.
import Anthropic from '@anthropic-ai/sdk';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const client = new Anthropic({ baseURL: task.url, apiKey: task.key });
const user = (content) => [{ role: 'user', content }];
const counts = (u) => (u ? [u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0),
                            u.output_tokens] : null);
const create = (model, messages, more = {}, options = {}) =>
  client.messages.create({ model, max_tokens: 1000, messages, ...more }, options);
const textOf = (r) => r.content.filter((b) => b.type === 'text').map((b) => b.text).join('');
const tool = { name: 'get_weather', description, input_schema: task.city };

const text = (ev, got) => {
  if (ev.type === 'message_delta') got.finish = ev.delta.stop_reason;
  if (ev.type === 'content_block_delta' && ev.delta.type === 'thinking_delta')
    got.thinking = (got.thinking ?? '') + ev.delta.thinking;
  return ev.type === 'content_block_delta' && ev.delta.type === 'text_delta' ? ev.delta.text : '';
};

async function loop(model, prompt, stream) {
  const messages = user(prompt);
  const first = stream
    ? await client.messages.stream({ model, max_tokens: 1000, messages, tools: [tool] }).finalMessage()
    : await create(model, messages, { tools: [tool] });
  if (first.stop_reason !== 'tool_use') throw new Error('stop_reason ' + first.stop_reason);
  const calls = first.content.filter((b) => b.type === 'tool_use');
  messages.push({ role: 'assistant', content: first.content });
  messages.push({ role: 'user', content: calls.map((c) => (
    { type: 'tool_result', tool_use_id: c.id, content: degrees(c.input) })) });
  const last = await create(model, messages, { tools: [tool] });
  return { calls: calls.map((c) => [c.name, c.input]), ids: calls.map((c) => c.id), text: textOf(last) };
}

await run({
  plain: async (model, ask) => {
    const r = await create(model, user(ask('plain')), { system: 'Be brief.' });
    return { text: textOf(r), finish: r.stop_reason, usage: counts(r.usage) };
  },
  stream: async (model, ask) => {
    const stream = client.messages.stream({ model, max_tokens: 1000, messages: user(ask('stream')) });
    const got = await collect(stream, text);
    return { ...got, usage: counts((await stream.finalMessage()).usage) };
  },
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => loop(model, ask('call'), true),
  calls_stream: (model, ask) => loop(model, ask('calls'), true),
  image: async (model, ask) => ({ text: textOf(await create(model, user([
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: task.png } },
    { type: 'text', text: ask('image') }]))) }),
  think: async (model, ask) => {
    const r = await create(model, user(ask('think')), { max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 1024 } });
    return { text: textOf(r), thinking: r.content.find((b) => b.type === 'thinking')?.thinking };
  },
  think_stream: async (model, ask) => collect(client.messages.stream({ model, max_tokens: 4000,
    messages: user(ask('think')), thinking: { type: 'enabled', budget_tokens: 1024 } }), text),
  bad: (model, ask) => create(model, user(ask('bad'))),
  wrongkey: (model, ask) =>
    new Anthropic({ baseURL: task.url, apiKey: 'sk-wrong' }).messages.create(
      { model, max_tokens: 10, messages: user(ask('plain')) }),
  retry: async (model, ask) => ({ text: textOf(await create(model, user(ask('retry')))) }),
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
