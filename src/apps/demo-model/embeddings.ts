import { z } from 'zod';
import { headerDelay, limitHeaders, scriptedStatus } from './chat-completions.ts';
import { invalidRequest } from './api-error.ts';
import type { DemoState, Exchange } from './demo-state.ts';
import { findModel } from './models.ts';
import { readJson, sendJson } from './reply.ts';
import { parseScript } from './script.ts';
import { Serving } from './serving.ts';
import { countTokens } from './tokens.ts';
import type { WitnessEntry } from './witness-log.ts';
import { isStopWord, words } from './words.ts';

const defaultDimensions = 512;
const tokenIds = z.array(z.int()).min(1).max(100_000);

const EmbeddingRequest = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string()).min(1).max(2048), tokenIds, z.array(tokenIds).min(1).max(2048)]),
  dimensions: z.int().min(1).max(4096).nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  user: z.string().nullish(),
});

/** A text as a vector of length 1: its words hashed into `dimensions` places. Texts that share words are near to each other. */
export function embed(text: string, dimensions: number = defaultDimensions): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions);
  let all = words(text);
  if (all.length === 0) all = [text];
  for (const word of all) {
    const hash = fnv1a(word);
    const place = (hash >>> 1) % dimensions;
    // Words that say nothing about the subject hardly count.
    vector[place] = (vector[place] ?? 0) + (hash & 1 ? 1 : -1) * (isStopWord(word) ? 0.1 : 1);
  }
  let square = 0;
  for (const value of vector) square += value * value;
  if (square === 0) vector[fnv1a(text) % dimensions] = 1;
  else for (let place = 0; place < dimensions; place++) vector[place] = (vector[place] ?? 0) / Math.sqrt(square);
  return vector;
}

/** Answers `POST /v1/embeddings`. Scripts may set status, headers and `header_delay_ms`. */
export async function embeddings(state: DemoState, exchange: Exchange, entry: WitnessEntry): Promise<void> {
  const { body, bytes } = await readJson(exchange.req);
  if (state.options.witnessBodies !== false) {
    entry.request = body;
    exchange.keptBytes = bytes;
  }
  const serving = new Serving(state, exchange.res, entry, exchange.keptBytes);
  const { texts, tokens, response } = embeddingResponse(body, exchange.deployment);
  entry.model = response.model;
  entry.last_user = texts.join('\n');
  entry.user = typeof body['user'] === 'string' ? body['user'] : null;
  entry.prompt_tokens = tokens;
  const header = exchange.req.headers['x-demo-script'];
  const script = typeof header === 'string' ? parseScript(header) : (state.scripts.take('embeddings', entry.last_user) ?? {});
  entry.script = script;
  const cost = { keyDigest: exchange.keyDigest, model: response.model, promptTokens: tokens, maxTokens: 0 };
  const headers = { ...limitHeaders(state, cost), ...script.headers };
  for (const [name, value] of Object.entries(headers)) exchange.res.setHeader(name, value);
  await headerDelay(state, serving, script);
  if (serving.done || scriptedStatus(exchange, serving, script)) return;
  serving.intended = 'complete';
  entry.usage_reported = response.usage;
  sendJson(exchange.res, 200, response);
}

/** Computes the answer to an embeddings request. `deployment` stands for the model where the path names it. Throws ApiError. */
export function embeddingResponse(body: Record<string, unknown>, deployment?: string) {
  const parsed = EmbeddingRequest.safeParse(deployment === undefined ? body : { ...body, model: deployment });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidRequest(
      `Invalid value for '${issue?.path.join('.')}': ${issue?.message}.`,
      issue?.path.join('.') ?? null,
      'invalid_value',
    );
  }
  const { input, encoding_format: format, dimensions } = parsed.data;
  const model = findModel(parsed.data.model, 'embedding');
  const texts = textsOf(input);
  if (texts.includes('')) throw invalidRequest("Invalid value for 'input': an input cannot be an empty string.", 'input');
  const counts = texts.map(countTokens);
  const longest = Math.max(...counts);
  if (longest > model.window) {
    throw invalidRequest(
      `This model's maximum context length is ${model.window} tokens, however you requested ${longest} tokens.`,
      'input',
      'context_length_exceeded',
    );
  }
  const data = texts.map((text, index) => {
    const vector = embed(text, dimensions ?? defaultDimensions);
    return { object: 'embedding', index, embedding: format === 'base64' ? toBase64(vector) : Array.from(vector) };
  });
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  return { texts, tokens, response: { object: 'list', data, model: model.id, usage: { prompt_tokens: tokens, total_tokens: tokens } } };
}

function textsOf(input: string | string[] | number[] | number[][]): string[] {
  if (typeof input === 'string') return [input];
  if (typeof input[0] === 'number') return [input.join(' ')];
  return input.map((each) => (Array.isArray(each) ? each.join(' ') : String(each)));
}

function toBase64(vector: Float32Array<ArrayBuffer>): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString('base64');
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  // FNV's low bits are weak: mix once more.
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}
