// Google's SDK: generateContent, on its default path and on /v1beta.
import { GoogleGenAI } from '@google/genai';
import { collect, degrees, description, giveUp, run, task } from './kit.mjs';

const open = (more = {}, apiKey = task.key) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: task.url, ...more } });
const ai = open();
const beta = open({ apiVersion: 'v1beta' });
const generate = (model, contents, config = {}, client = ai) =>
  client.models.generateContent({ model, contents, config });
const stream = (model, contents, config = {}) => ai.models.generateContentStream({ model, contents, config });
const counts = (u) => (u ? [u.promptTokenCount, (u.candidatesTokenCount ?? 0) + (u.thoughtsTokenCount ?? 0)] : null);
const parts = (r) => r.candidates?.[0]?.content?.parts ?? [];
const thinkingOf = (r) => parts(r).filter((p) => p.thought).map((p) => p.text).join('');
const textOf = (r) => parts(r).filter((p) => !p.thought && p.text).map((p) => p.text).join('');
const tools = [{ functionDeclarations: [{ name: 'get_weather', description, parametersJsonSchema: task.city }] }];

const text = (r, got) => {
  if (r.usageMetadata) got.usage = counts(r.usageMetadata);
  if (r.candidates?.[0]?.finishReason) got.finish = r.candidates[0].finishReason;
  got.thinking = (got.thinking ?? '') + thinkingOf(r);
  return textOf(r);
};

async function loop(model, prompt, streamed) {
  const contents = [{ role: 'user', parts: [{ text: prompt }] }];
  const content = { role: 'model', parts: [] };
  if (streamed)
    for await (const r of await stream(model, contents, { tools })) content.parts.push(...parts(r));
  else
    content.parts = parts(await generate(model, contents, { tools }));
  const calls = content.parts.filter((p) => p.functionCall).map((p) => p.functionCall);
  contents.push(content, { role: 'user', parts: calls.map((c) => ({ functionResponse: {
    ...(c.id ? { id: c.id } : {}), name: c.name, response: { output: degrees(c.args) } } })) });
  const last = await generate(model, contents, { tools });
  return { calls: calls.map((c) => [c.name, c.args]), text: textOf(last) };
}

await run({
  plain: async (model, ask) => {
    const r = await generate(model, ask('plain'), { systemInstruction: 'Be brief.' });
    return { text: r.text, finish: r.candidates[0].finishReason, usage: counts(r.usageMetadata) };
  },
  plain_beta: async (model, ask) => {
    const r = await generate(model, ask('plain'), {}, beta);
    return { text: r.text, finish: r.candidates[0].finishReason, usage: counts(r.usageMetadata) };
  },
  stream: async (model, ask) => collect(await stream(model, ask('stream')), text),
  call: (model, ask) => loop(model, ask('call')),
  calls: (model, ask) => loop(model, ask('calls')),
  call_stream: (model, ask) => loop(model, ask('call'), true),
  calls_stream: (model, ask) => loop(model, ask('calls'), true),
  image: async (model, ask) => {
    const r = await generate(model, [{ inlineData: { mimeType: 'image/png', data: task.png } }, { text: ask('image') }]);
    return { text: r.text };
  },
  json: async (model, ask) => {
    const r = await generate(model, ask('json'), { responseMimeType: 'application/json', responseJsonSchema: task.weather });
    return { value: JSON.parse(r.text) };
  },
  think: async (model, ask) => {
    const r = await generate(model, ask('think'), { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } });
    return { text: textOf(r), thinking: thinkingOf(r) };
  },
  bad: (model, ask) => generate(model, ask('bad')),
  wrongkey: (model, ask) => open({}, 'sk-wrong').models.generateContent({ model, contents: ask('plain') }),
  midstream: async (model, ask) => collect(await stream(model, ask('midstream')), text),
  cut: async (model, ask) => collect(await stream(model, ask('cut')), text),
  abort: async (model, ask) => {
    const controller = new AbortController();
    return collect(await stream(model, ask('abort'), { abortSignal: controller.signal }), text, 2,
      () => controller.abort());
  },
  silent: (model, ask) => giveUp((abortSignal) => stream(model, ask('silent'), { abortSignal })),
  models: async () => {
    const ids = [];
    for await (const m of await ai.models.list()) ids.push(m.name.replace(/^models\//, ''));
    return { ids };
  },
});
