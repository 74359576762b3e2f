import type { IncomingMessage } from 'node:http';
import { newPublicId } from '../../kernel/ids.ts';

/** The caller's `X-Request-Id` when it is harmless (≤ 128 of `A–Z a–z 0–9 . _ -`), otherwise a new `req_…`. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : newPublicId('request');
}
