// Cohere's SDK: chat of API v2.
import { CohereClientV2 } from 'cohere-ai';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const client = new CohereClientV2({ baseUrl: task.url, environment: task.url, token: task.key });
const user = (content) => [{ role: 'user', content }];
const counts = (u) => (u?.tokens ? [u.tokens.inputTokens, u.tokens.outputTokens] : null);
const textOf = (m) => (m.content ?? []).filter((c) => c.type === 'text').map((c) => c.text).join('');
const thinkingOf = (m) => (m.content ?? []).filter((c) => c.type === 'thinking').map((c) => c.thinking).join('');
const tools = [{ type: 'function', function: { name: 'get_weather', description, parameters: task.city } }];

const text = (ev, got) => {
  if (ev.type === 'message-end') {
    got.finish = ev.delta.finishReason;
    got.usage = counts(ev.delta.usage);
    if (ev.delta.error) throw new Error(ev.delta.error);
  }
  if (ev.type === 'tool-call-start')
    (got.calls ??= []).push({ ...ev.delta.message.toolCalls, args: ev.delta.message.toolCalls.function.arguments ?? '' });
  if (ev.type === 'tool-call-delta') got.calls.at(-1).args += ev.delta.message.toolCalls.function.arguments;
  if (ev.type !== 'content-delta') return '';
  got.thinking = (got.thinking ?? '') + (ev.delta.message.content.thinking ?? '');
  return ev.delta.message.content.text;
};

async function loop(model, prompt, streamed) {
  const messages = user(prompt);
  let calls;
  if (streamed) {
    const got = await collect(await client.chatStream({ model, messages, tools }), text);
    if (got.error) return got;
    calls = got.calls.map((c) => ({ id: c.id, type: 'function', function: { name: c.function.name, arguments: c.args } }));
  } else {
    calls = (await client.chat({ model, messages, tools })).message.toolCalls;
  }
  messages.push({ role: 'assistant', toolCalls: calls });
  for (const c of calls)
    messages.push({ role: 'tool', toolCallId: c.id, content: degrees(JSON.parse(c.function.arguments)) });
  const last = await client.chat({ model, messages, tools });
  return { calls: calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]), ids: calls.map((c) => c.id),
           text: textOf(last.message) };
}

await run({
  plain: async (model, ask) => {
    const r = await client.chat({ model, messages: user(ask('plain')) });
    return { text: textOf(r.message), finish: r.finishReason, usage: counts(r.usage) };
  },
  stream: async (model, ask) => collect(await client.chatStream({ model, messages: user(ask('stream')) }), text),
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => loop(model, ask('call'), true),
  calls_stream: (model, ask) => loop(model, ask('calls'), true),
  json: async (model, ask) => {
    const r = await client.chat({ model, messages: user(ask('json')),
      responseFormat: { type: 'json_object', jsonSchema: task.weather } });
    return { value: JSON.parse(textOf(r.message)) };
  },
  think: async (model, ask) => {
    const r = await client.chat({ model, messages: user(ask('think')), thinking: { type: 'enabled' } });
    return { text: textOf(r.message), thinking: thinkingOf(r.message) };
  },
  bad: (model, ask) => client.chat({ model, messages: user(ask('bad')) }),
  wrongkey: (model, ask) => new CohereClientV2({ baseUrl: task.url, environment: task.url, token: 'sk-wrong' }).chat(
    { model, messages: user(ask('plain')) }),
  retry: async (model, ask) => ({ text: textOf((await client.chat({ model, messages: user(ask('retry')) })).message) }),
  midstream: async (model, ask) =>
    collect(await client.chatStream({ model, messages: user(ask('midstream')) }), text),
  cut: async (model, ask) => collect(await client.chatStream({ model, messages: user(ask('cut')) }), text),
  abort: async (model, ask) => {
    const controller = new AbortController();
    return collect(await client.chatStream({ model, messages: user(ask('abort')) }, { abortSignal: controller.signal }),
      text, 2, () => controller.abort());
  },
  silent: (model, ask) => giveUp((abortSignal) => client.chat({ model, messages: user(ask('silent')) },
    { abortSignal, maxRetries: 0 })),
});
