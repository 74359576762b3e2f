import { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { ChatMessage } from './messages.ts';

const tokenCount = z.int().min(0).max(1_000_000);
const headerValue = z.union([z.string().regex(/^[\x20-\x7e]{0,200}$/), z.number()]);
const milliseconds = z.number().min(0).max(86_400_000);

/** What a request can be told to do. The README beside this file explains each field. */
export const Script = z.strictObject({
  text: z.string().max(4_000_000).optional(),
  tokens: tokenCount.optional(),
  tokens_per_second: z.number().min(0).max(1_000_000).optional(),
  first_token_ms: milliseconds.optional(),
  chunk_tokens: z.int().min(1).max(1_000_000).optional(),
  finish_reason: z.string().max(100).nullable().optional(),
  status: z.int().min(200).max(599).optional(),
  error_code: z.string().max(200).nullable().optional(),
  error_type: z.string().max(200).optional(),
  message: z.string().max(10_000).optional(),
  retry_after: headerValue.optional(),
  retry_after_ms: headerValue.optional(),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i), z.string().regex(/^[\t\x20-\x7e]{0,4000}$/)).optional(),
  header_delay_ms: milliseconds.optional(),
  cut_after_tokens: tokenCount.optional(),
  end_after_tokens: tokenCount.optional(),
  stall_after_tokens: tokenCount.optional(),
  stall_ms: milliseconds.optional(),
  malformed_after_tokens: tokenCount.optional(),
  error_event_after_tokens: tokenCount.optional(),
  content_filter_after_tokens: tokenCount.optional(),
  drip_bytes: z.int().min(1).max(1_000_000).optional(),
  content_type: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/)
    .optional(),
  usage: z.enum(['normal', 'missing', 'zero', 'late']).optional(),
  no_done: z.boolean().optional(),
  comments: z.boolean().optional(),
  crlf: z.boolean().optional(),
  huge_event_bytes: z.int().min(1).max(16_777_216).optional(),
});
export type Script = z.infer<typeof Script>;

/** Reads a script; a field that does not exist, or has a wrong value, is a 400. */
export function parseScript(value: unknown): Script {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value);
    } catch {
      throw invalidScript('it is not JSON');
    }
  }
  const result = Script.safeParse(parsed);
  if (!result.success)
    throw invalidScript(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`.trim()).join('; '));
  return result.data;
}

/** Takes the `[[demo: {…}]]` directives out of a text. */
export function takeDirectives(text: string): { text: string; directives: string[] } {
  const directives: string[] = [];
  let rest = '';
  let from = 0;
  const opening = /\[\[demo:\s*(?=\{)/g;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const start = opening.lastIndex;
    const end = endOfObject(text, start);
    const closing = /^\s{0,20}\]\]/.exec(text.slice(end, end + 30));
    if (closing === null) throw invalidScript('the directive is not closed with }]]');
    directives.push(text.slice(start, end));
    rest += text.slice(from, match.index);
    from = end + closing[0].length;
    opening.lastIndex = from;
  }
  return directives.length === 0 ? { text, directives } : { text: (rest + text.slice(from)).trim(), directives };
}

/** The messages without directives, and the script of the last user message, else of the last system message that has one. */
export function takeScript(messages: ChatMessage[]): { messages: ChatMessage[]; user: string | undefined; system: string | undefined } {
  let user: string | undefined;
  let system: string | undefined;
  const clean = messages.map((message) => {
    if (message.role === 'assistant' || !message.text.includes('[[demo:')) {
      if (message.role === 'user') user = undefined;
      return message;
    }
    const { text, directives } = takeDirectives(message.text);
    if (message.role === 'user') user = directives.at(-1);
    if (message.role === 'system') system = directives.at(-1) ?? system;
    return { ...message, text };
  });
  return { messages: clean, user, system };
}

interface QueuedScript {
  script: Script;
  match: string | undefined;
  endpoint: 'chat' | 'embeddings';
}

const QueueRequest = z.strictObject({
  scripts: z.array(z.unknown()).min(1).max(10_000),
  match: z.string().min(1).max(10_000).optional(),
  endpoint: z.enum(['chat', 'embeddings']).optional(),
});

/** Scripts that wait for a request: each is used once, by the first request that its `match` fits. At most 10,000 wait. */
export class ScriptQueue {
  #queued: QueuedScript[] = [];

  /** Takes the body of `POST /demo/scripts`; gives how many scripts wait now. */
  add(request: unknown): number {
    const parsed = QueueRequest.safeParse(request);
    if (!parsed.success) throw invalidScript(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
    const { match, endpoint = 'chat' } = parsed.data;
    const scripts = parsed.data.scripts.map((script) => ({ script: parseScript(script), match, endpoint }));
    if (this.#queued.length + scripts.length > 10_000) throw invalidScript('more than 10,000 scripts would wait');
    this.#queued.push(...scripts);
    return this.#queued.length;
  }

  /** The first waiting script for this request, which is then gone. */
  take(endpoint: 'chat' | 'embeddings', text: string): Script | undefined {
    const index = this.#queued.findIndex(
      (queued) => queued.endpoint === endpoint && (queued.match === undefined || text.includes(queued.match)),
    );
    return index === -1 ? undefined : this.#queued.splice(index, 1)[0]?.script;
  }

  clear(): void {
    this.#queued = [];
  }
}

function endOfObject(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (quoted) {
      if (character === '\\') index++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return index + 1;
  }
  throw invalidScript('the directive is not closed with }]]');
}

function invalidScript(why: string): ApiError {
  return new ApiError(400, 'invalid_demo_script', `The demo script is not valid: ${why}.`);
}
