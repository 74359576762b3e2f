import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError, invalidRequest } from './api-error.ts';
import { resolveScript, scriptedError, wholeCompletion, witnessPlan, witnessRequest } from './chat-completions.ts';
import { planCompletion, readCompletion } from './completion-plan.ts';
import type { DemoState, Exchange } from './demo-state.ts';
import { embeddingResponse } from './embeddings.ts';
import { notFound, toList } from './files.ts';
import { readJson, sendJson } from './reply.ts';

const CreateBatch = z.looseObject({
  input_file_id: z.string(),
  endpoint: z.enum(['/v1/chat/completions', '/v1/embeddings']),
  completion_window: z.literal('24h'),
  metadata: z.record(z.string(), z.string()).nullish(),
});
const BatchLine = z.looseObject({
  custom_id: z.string().min(1),
  method: z.literal('POST'),
  url: z.string(),
  body: z.looseObject({ model: z.string() }),
});
type BatchLine = z.infer<typeof BatchLine>;

type Stamp = 'in_progress' | 'finalizing' | 'completed' | 'failed' | 'cancelling' | 'cancelled';
interface Batch {
  id: string;
  object: 'batch';
  endpoint: string;
  status: 'validating' | Stamp;
  input_file_id: string;
  output_file_id: string | null;
  error_file_id: string | null;
  request_counts: { total: number; completed: number; failed: number };
  errors: { object: 'list'; data: { code: string; message: string; line: number | null; param: string | null }[] } | null;
  [more: string]: unknown;
}

const countLimit = 1000;
const lineLimit = 50_000;

/** The batches of one server, in memory. */
export class BatchStore {
  readonly #batches = new Map<string, Batch>();

  add(batch: Batch): void {
    if (this.#batches.size >= countLimit) throw new ApiError(429, 'batch_limit_exceeded', 'The demo model keeps at most 1000 batches.');
    this.#batches.set(batch.id, batch);
  }

  /** Throws a 404. */
  get(id: string): Batch {
    const batch = this.#batches.get(id);
    if (batch === undefined) throw new ApiError(404, null, `No batch found with id '${id.slice(0, 100)}'.`);
    return batch;
  }

  list(): Batch[] {
    return [...this.#batches.values()].toReversed();
  }
}

/** Answers `/v1/batches…`. A batch runs at once, line by line, without the pace of a stream; its scripts' `header_delay_ms` does delay. */
export async function batches(state: DemoState, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange;
  const [id, verb, ...more] = path.split('/').slice(3);
  const route = more.length > 0 ? '' : `${req.method} ${id === undefined ? '' : ':id'}${verb === undefined ? '' : `/${verb}`}`;
  if (route === 'GET ') return sendJson(res, 200, toList(state.batches.list()));
  if (route === 'GET :id') return sendJson(res, 200, state.batches.get(id ?? ''));
  if (route === 'POST :id/cancel') return sendJson(res, 200, cancel(state.batches.get(id ?? '')));
  if (route !== 'POST ') throw notFound(`${req.method} ${path}`);

  const parsed = CreateBatch.safeParse((await readJson(req)).body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidRequest(`Invalid value for '${issue?.path.join('.')}': ${issue?.message}.`, issue?.path.join('.') ?? null);
  }
  const input = state.files.get(parsed.data.input_file_id);
  if (input.file.purpose !== 'batch') throw invalidRequest("The input file must have the purpose 'batch'.", 'input_file_id');
  const now = Math.floor(Date.now() / 1000);
  const batch: Batch = {
    id: `batch_${randomUUID().replaceAll('-', '')}`,
    object: 'batch',
    endpoint: parsed.data.endpoint,
    errors: null,
    input_file_id: parsed.data.input_file_id,
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: now,
    expires_at: now + 86_400,
    request_counts: { total: 0, completed: 0, failed: 0 },
    metadata: parsed.data.metadata ?? null,
  };
  state.batches.add(batch);
  sendJson(res, 200, batch);
  run(state, batch, input.content.toString('utf8'), exchange.keyDigest).catch((error: unknown) => {
    process.stderr.write(`demo-model: a batch failed: ${String(error)}\n`);
    batch.errors = { object: 'list', data: [{ code: 'internal_error', message: 'The demo model failed.', line: null, param: null }] };
    stamp(batch, 'failed');
  });
}

async function run(state: DemoState, batch: Batch, content: string, keyDigest: string | null): Promise<void> {
  const lines = readLines(batch, content);
  if (lines === undefined) return stamp(batch, 'failed');
  batch.request_counts.total = lines.length;
  stamp(batch, 'in_progress');
  const output: string[] = [];
  const errors: string[] = [];
  for (const line of lines) {
    if (state.closing) return;
    if (batch.status === 'cancelling') break;
    const { status, body, requestId } = await runLine(state, batch, line, keyDigest);
    const failed = status >= 400;
    batch.request_counts[failed ? 'failed' : 'completed']++;
    const response = { status_code: status, request_id: requestId, body };
    (failed ? errors : output).push(JSON.stringify({ id: `batch_req_${randomUUID()}`, custom_id: line.custom_id, response, error: null }));
  }
  const cancelled = batch.status === 'cancelling';
  if (!cancelled) stamp(batch, 'finalizing');
  const save = (name: string, rows: string[]) =>
    rows.length === 0 ? null : state.files.add(`${batch.id}_${name}.jsonl`, 'batch_output', Buffer.from(rows.join('\n') + '\n')).id;
  batch.output_file_id = save('output', output);
  batch.error_file_id = save('error', errors);
  stamp(batch, cancelled ? 'cancelled' : 'completed');
}

async function runLine(state: DemoState, batch: Batch, line: BatchLine, keyDigest: string | null) {
  const requestId = `req_${randomUUID().replaceAll('-', '')}`;
  const entry = state.witness.open({ path: line.url, request_id: requestId, batch_id: batch.id, key_digest: keyDigest });
  if (state.options.witnessBodies !== false) entry.request = line.body;
  const weight = entry.request === undefined ? 0 : JSON.stringify(line.body).length;
  try {
    // Lets other requests in between lines.
    await new Promise(setImmediate);
    if (batch.endpoint === '/v1/embeddings') {
      const { texts, tokens, response } = embeddingResponse(line.body);
      Object.assign(entry, { model: response.model, last_user: texts.join('\n'), prompt_tokens: tokens, usage_reported: response.usage });
      state.witness.finish(entry, 'complete', weight);
      return { status: 200, body: response as Record<string, unknown>, requestId };
    }
    const read = readCompletion(line.body);
    if (read.request.stream === true) throw invalidRequest('A batch cannot stream.', 'stream');
    witnessRequest(entry, read, read.request.model);
    const script = resolveScript(state, read);
    entry.script = script;
    if (script.header_delay_ms !== undefined) await sleep(script.header_delay_ms, undefined, { ref: false });
    if ((script.status ?? 200) >= 400) throw scriptedError(script);
    const plan = planCompletion(read, read.request.model, script);
    const { body, tokens, finishReason } = wholeCompletion(plan);
    witnessPlan(entry, plan);
    entry.first_token_at = new Date().toISOString();
    entry.tokens_served = tokens;
    entry.text_served = plan.pieces.text(tokens);
    entry.finish_reason = finishReason;
    entry.usage_reported = body['usage'] ?? null;
    state.witness.finish(entry, 'complete', weight);
    return { status: 200, body, requestId };
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError(500, 'internal_error', 'The demo model failed.');
    entry.status = known.status;
    state.witness.finish(entry, 'error', weight);
    return { status: known.status, body: known.toBody() as Record<string, unknown>, requestId };
  }
}

function readLines(batch: Batch, content: string): BatchLine[] | undefined {
  const lines: BatchLine[] = [];
  const data: NonNullable<Batch['errors']>['data'] = [];
  const seen = new Set<string>();
  const refuse = (code: string, message: string, line: number | null) => data.push({ code, message, line, param: null });
  for (const [index, raw] of content.split('\n').entries()) {
    if (raw.trim() === '' || data.length >= 100) continue;
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch {
      refuse('invalid_json_line', 'This line is not parseable as valid JSON.', index + 1);
      continue;
    }
    const parsed = BatchLine.safeParse(value);
    if (!parsed.success) refuse('invalid_request', parsed.error.issues[0]?.message ?? 'Invalid line.', index + 1);
    else if (parsed.data.url !== batch.endpoint) refuse('mismatched_url', `The URL must be ${batch.endpoint}.`, index + 1);
    else if (seen.has(parsed.data.custom_id)) refuse('duplicate_custom_id', 'The custom_id was already used.', index + 1);
    else {
      seen.add(parsed.data.custom_id);
      lines.push(parsed.data);
    }
  }
  if (data.length === 0 && lines.length === 0) refuse('empty_file', 'The batch input file is empty.', null);
  if (lines.length > lineLimit) refuse('token_limit_exceeded', `A batch has at most ${lineLimit} requests.`, null);
  if (data.length === 0) return lines;
  batch.errors = { object: 'list', data };
  return undefined;
}

function cancel(batch: Batch): Batch {
  if (batch.status !== 'in_progress' && batch.status !== 'validating' && batch.status !== 'cancelling') {
    throw new ApiError(409, null, `Cannot cancel a batch with status '${batch.status}'.`);
  }
  if (batch.status !== 'cancelling') stamp(batch, 'cancelling');
  return batch;
}

function stamp(batch: Batch, status: Stamp): void {
  batch.status = status;
  batch[`${status}_at`] = Math.floor(Date.now() / 1000);
}
