// Vercel's `ai` with its OpenAI provider (chat and responses) and its Anthropic provider.
// A task's models are written PROVIDER:MODEL.
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const providers = (apiKey) => {
  const openai = createOpenAI({ baseURL: task.url + '/v1', apiKey });
  const anthropic = createAnthropic({ baseURL: task.url + '/v1', apiKey });
  return { chat: openai.chat, responses: openai.responses, anthropic };
};
const open = (name, key = task.key) => {
  const [provider, model] = name.split(':');
  return providers(key)[provider](model);
};
const counts = (u) => [u.inputTokens, u.outputTokens];
const tools = (calls) => ({ get_weather: tool({ description, inputSchema: jsonSchema(task.city),
  execute: async (args) => { calls.push(['get_weather', args]); return degrees(args); } }) });

// fullStream tells errors as parts; textStream would end without a word.
const parts = (part, got) => {
  if (part.type === 'finish') {
    got.finish = part.finishReason;
    got.usage = counts(part.totalUsage);
  }
  if (part.type === 'error') throw part.error;
  if (part.type === 'reasoning-delta') got.thinking = (got.thinking ?? '') + part.text;
  return part.type === 'text-delta' ? part.text : '';
};
const stream = (name, prompt, more = {}) =>
  streamText({ model: open(name), prompt, onError: () => {}, ...more }).fullStream;

await run({
  plain: async (name, ask) => {
    const r = await generateText({ model: open(name), prompt: ask('plain'), system: 'Be brief.' });
    return { text: r.text, finish: r.finishReason, usage: counts(r.usage) };
  },
  stream: async (name, ask) => collect(stream(name, ask('stream')), parts),
  call: async (name, ask) => {
    const calls = [];
    const r = await generateText({ model: open(name), prompt: ask('call'), tools: tools(calls), stopWhen: stepCountIs(3) });
    return { calls, text: r.text };
  },
  calls: async (name, ask) => {
    const calls = [];
    const r = await generateText({ model: open(name), prompt: ask('calls'), tools: tools(calls), stopWhen: stepCountIs(3) });
    return { calls, text: r.text };
  },
  calls_stream: async (name, ask) => {
    const calls = [];
    const got = await collect(stream(name, ask('calls'), { tools: tools(calls), stopWhen: stepCountIs(3) }), parts);
    return { ...got, calls };
  },
  image: async (name, ask) => ({ text: (await generateText({ model: open(name), messages: [{ role: 'user', content: [
    { type: 'text', text: ask('image') },
    { type: 'file', data: Buffer.from(task.png, 'base64'), mediaType: 'image/png' }] }] })).text }),
  json: async (name, ask) => ({ value: (await generateText({ model: open(name), prompt: ask('json'),
    output: Output.object({ schema: jsonSchema(task.weather) }) })).output }),
  bad: (name, ask) => generateText({ model: open(name), prompt: ask('bad') }),
  wrongkey: (name, ask) => generateText({ model: open(name, 'sk-wrong'), prompt: ask('plain') }),
  retry: async (name, ask) => ({ text: (await generateText({ model: open(name), prompt: ask('retry') })).text }),
  midstream: async (name, ask) => collect(stream(name, ask('midstream')), parts),
  cut: async (name, ask) => collect(stream(name, ask('cut')), parts),
  abort: async (name, ask) => {
    const controller = new AbortController();
    return collect(stream(name, ask('abort'), { abortSignal: controller.signal }), parts, 2, () => controller.abort());
  },
  silent: (name, ask) => giveUp((abortSignal) => generateText({ model: open(name), prompt: ask('silent'), abortSignal,
    maxRetries: 0 })),
});
