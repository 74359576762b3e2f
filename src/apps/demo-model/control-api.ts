import { z } from 'zod';
import { ApiError, invalidRequest } from './api-error.ts';
import type { DemoState, Exchange } from './demo-state.ts';
import { notFound } from './files.ts';
import { readJson, sendJson } from './reply.ts';

const WitnessQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  match: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100_000).default(10_000),
  wait_ms: z.coerce.number().int().min(0).max(60_000).default(0),
  running: z.enum(['0', '1']).default('0'),
});

/** Answers `/demo/…`: health to anyone, the rest to callers on this machine only. */
export async function controlApi(state: DemoState, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange;
  const route = `${req.method} ${path}`;
  if (route === 'GET /demo/health') return sendJson(res, 200, { ok: true });
  if (!isLoopback(req.socket.remoteAddress))
    throw new ApiError(403, 'loopback_only', 'The control API answers on the loopback interface only.');
  if (route === 'GET /demo/stats') return sendJson(res, 200, state.witness.stats());
  if (route === 'GET /demo/witness') return readWitness(state, exchange);
  if (route === 'DELETE /demo/witness') {
    state.witness.clear();
    return sendJson(res, 200, { ok: true });
  }
  if (route === 'POST /demo/scripts') return sendJson(res, 200, { waiting: state.scripts.add((await readJson(req)).body) });
  if (route === 'POST /demo/limits') return sendJson(res, 200, state.limits.set((await readJson(req)).body));
  if (route === 'DELETE /demo/limits') {
    state.limits.clear();
    return sendJson(res, 200, { ok: true });
  }
  if (route === 'DELETE /demo/scripts') {
    state.scripts.clear();
    return sendJson(res, 200, { ok: true });
  }
  throw notFound(route);
}

async function readWitness(state: DemoState, { res, query }: Exchange): Promise<void> {
  const parsed = WitnessQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) throw invalidRequest(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
  const { after, match, limit, wait_ms: waitMs, running } = parsed.data;
  const fits = { after, limit, ...(match === undefined ? {} : { match }) };
  let page = state.witness.entries(fits);
  if (page.entries.length === 0 && waitMs > 0) {
    await state.witness.waitFor((entry) => entry.seq > after && (match === undefined || entry.last_user.includes(match)), waitMs);
    page = state.witness.entries(fits);
  }
  const open = state.witness.running().filter((entry) => match === undefined || entry.last_user.includes(match));
  sendJson(res, 200, { ...page, ...(running === '1' ? { running: open } : {}) });
}

/** True for addresses of the loopback interface, as a socket names them. */
export function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address ?? '');
}
