// Every SDK reads a stream whose upstream says nothing for long: before its first word (quiet) and in the
// middle of it (quietmid).
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { CohereClientV2 } from 'cohere-ai';
import { Ollama } from 'ollama';
import { streamText } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { collect, run, task } from './kit.mjs';

const openai = new OpenAI({ baseURL: task.url + '/v1', apiKey: task.key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: task.url, apiKey: task.key, maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: task.key, httpOptions: { baseUrl: task.url } });
const cohere = new CohereClientV2({ baseUrl: task.url, environment: task.url, token: task.key, maxRetries: 0 });
const ollama = new Ollama({ host: task.url, headers: { Authorization: 'Bearer ' + task.key } });
const vercel = createOpenAI({ baseURL: task.url + '/v1', apiKey: task.key });
const user = (content) => [{ role: 'user', content }];

const sdks = {
  openai: async (model, prompt) => collect(
    await openai.chat.completions.create({ model, messages: user(prompt), stream: true }),
    (c) => c.choices[0]?.delta?.content),
  responses: async (model, prompt) => collect(
    await openai.responses.create({ model, input: prompt, stream: true }),
    (ev) => (ev.type === 'response.output_text.delta' ? ev.delta : '')),
  anthropic: async (model, prompt) => collect(
    anthropic.messages.stream({ model, max_tokens: 1000, messages: user(prompt) }),
    (ev) => (ev.type === 'content_block_delta' ? ev.delta.text : '')),
  genai: async (model, prompt) => collect(
    await google.models.generateContentStream({ model, contents: prompt }),
    (r) => r.candidates?.[0]?.content?.parts?.map((p) => p.text ?? '').join('')),
  cohere: async (model, prompt) => collect(
    await cohere.chatStream({ model, messages: user(prompt) }),
    (ev) => (ev.type === 'content-delta' ? ev.delta.message.content.text : '')),
  ollama: async (model, prompt) => collect(
    await ollama.chat({ model, messages: user(prompt), stream: true }), (r) => r.message.content),
  vercel: async (model, prompt) => collect(
    streamText({ model: vercel.chat(model), prompt, maxRetries: 0, onError: () => {} }).fullStream,
    (part) => { if (part.type === 'error') throw part.error; return part.type === 'text-delta' ? part.text : ''; }),
};

const scenarios = {};
for (const [name, read] of Object.entries(sdks))
  for (const scenario of ['quiet', 'quietmid'])
    scenarios[`${scenario}_${name}`] = (model, ask) => read(model, ask(scenario));
await run(scenarios, 100);
