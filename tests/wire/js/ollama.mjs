// Ollama's SDK.
import { Ollama } from 'ollama';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const open = (key = task.key) => new Ollama({ host: task.url, headers: { Authorization: 'Bearer ' + key } });
const client = open();
const user = (content, more = {}) => [{ role: 'user', content, ...more }];
const counts = (r) => [r.prompt_eval_count, r.eval_count];
const tools = [{ type: 'function', function: { name: 'get_weather', description, parameters: task.city } }];

const text = (r, got) => {
  if (r.done) {
    got.finish = r.done_reason;
    got.usage = counts(r);
  }
  (got.calls ??= []).push(...(r.message.tool_calls ?? []));
  got.thinking = (got.thinking ?? '') + (r.message.thinking ?? '');
  return r.message.content;
};

async function loop(model, prompt, streamed) {
  const messages = user(prompt);
  let message;
  if (streamed) {
    const got = await collect(await client.chat({ model, messages, tools, stream: true }), text);
    if (got.error) return got;
    message = { role: 'assistant', content: got.text, tool_calls: got.calls };
  } else {
    ({ message } = await client.chat({ model, messages, tools }));
  }
  messages.push(message);
  for (const c of message.tool_calls)
    messages.push({ role: 'tool', tool_name: c.function.name, content: degrees(c.function.arguments) });
  const last = await client.chat({ model, messages, tools });
  return { calls: message.tool_calls.map((c) => [c.function.name, c.function.arguments]), text: last.message.content };
}

await run({
  plain: async (model, ask) => {
    const r = await client.chat({ model, messages: user(ask('plain')) });
    return { text: r.message.content, finish: r.done_reason, usage: counts(r) };
  },
  plain_generate: async (model, ask) => {
    const r = await client.generate({ model, prompt: ask('plain'), system: 'Be brief.' });
    return { text: r.response, finish: r.done_reason, usage: counts(r) };
  },
  stream: async (model, ask) => collect(await client.chat({ model, messages: user(ask('stream')), stream: true }), text),
  stream_generate: async (model, ask) => collect(await client.generate({ model, prompt: ask('stream'), stream: true }),
    (r, got) => { if (r.done) { got.finish = r.done_reason; got.usage = counts(r); } return r.response; }),
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => loop(model, ask('call'), true),
  calls_stream: (model, ask) => loop(model, ask('calls'), true),
  image: async (model, ask) => ({ text: (await client.chat({ model,
    messages: user(ask('image'), { images: [task.png] }) })).message.content }),
  json: async (model, ask) => ({ value: JSON.parse((await client.chat({ model, messages: user(ask('json')),
    format: task.weather })).message.content) }),
  think: async (model, ask) => {
    const { message } = await client.chat({ model, messages: user(ask('think')), think: true });
    return { text: message.content, thinking: message.thinking };
  },
  think_stream: async (model, ask) => collect(
    await client.chat({ model, messages: user(ask('think')), think: true, stream: true }), text),
  bad: (model, ask) => client.chat({ model, messages: user(ask('bad')) }),
  wrongkey: (model, ask) => open('sk-wrong').chat({ model, messages: user(ask('plain')) }),
  midstream: async (model, ask) =>
    collect(await client.chat({ model, messages: user(ask('midstream')), stream: true }), text),
  cut: async (model, ask) => collect(await client.chat({ model, messages: user(ask('cut')), stream: true }), text),
  abort: async (model, ask) => {
    const own = open();
    return collect(await own.chat({ model, messages: user(ask('abort')), stream: true }), text, 2, () => own.abort());
  },
  models: async (model) => {
    const { models } = await client.list();
    const show = await client.show({ model });
    return { ids: models.map((m) => m.model), capabilities: show.capabilities };
  },
});
