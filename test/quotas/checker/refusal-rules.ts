import { limitNames, type Refusal, type SentMessage, type TenantEvidence, wasAccepted, wasRefused } from './evidence.ts';
import type { Violation } from './violation.ts';

/** Rule 5: refusals say what they must and come before the provider is asked; others do not notice; no message is lost or doubled. */
export function judgeRefusals(evidence: TenantEvidence): Violation[] {
  const found: Violation[] = [];
  const report = (kind: Violation['kind'], detail: string) => void found.push({ kind, tenant: evidence.name, detail });
  const turns = Map.groupBy(evidence.turns, ({ marker }) => marker);
  const served = Map.groupBy(evidence.served, ({ marker }) => marker);
  for (const message of evidence.sent) {
    const { marker } = message;
    const own = turns.get(marker) ?? [];
    if (own.length > 1) report('turns', `${marker} became ${own.length} turns`);
    if (wasAccepted(message) && own.length === 0) report('turns', `${marker} was acknowledged, and Postgres has no turn of it`);
    // A turn whose calls so far have failed may find no quota for its next one, and ends with that: it was no refusal at the door.
    const calls = served.get(marker) ?? [];
    const later = own.some(({ attempt }) => attempt > 1 || (calls.length > 0 && calls.every(({ outcome }) => outcome !== 'complete')));
    for (const fault of message.replies.flatMap(({ refusal }) => faultsOf(refusal, evidence, later)))
      report('refusal', `${marker}: ${fault}`);
    if (wasRefused(message) && !later) {
      if (calls.length > 0) report('refusal', `${marker} was refused, and the model server was asked`);
      if (own.length > 0) report('refusal', `${marker} was refused, and is stored as turn ${own[0]?.id}`);
    }
    if (evidence.neighbour) judgeNeighbour(evidence, message, own[0]?.state, report);
  }
  return found;
}

/** What a hard limit's refusal lacks; `later`: in the middle of an answer, where headers of limits are not asked for. The headers are those of IETF draft-ietf-httpapi-ratelimit-headers-11. */
function faultsOf(refusal: Refusal | undefined, evidence: TenantEvidence, later: boolean): string[] {
  if (refusal?.code !== 'quota_exceeded') return [];
  const { status, limit = '', resetsAt, headers } = refusal;
  const found: string[] = [];
  if (status !== 429) found.push(`a quota refuses with ${status}`);
  const known = Object.entries(limitNames).filter(([name]) => evidence.limits.some((change) => name in change));
  if (!known.some(([, name]) => name === limit)) found.push(`refused by the limit "${limit}"`);
  const resets = Date.parse(resetsAt ?? '');
  if (Number.isNaN(resets)) found.push(`resets_at is ${resetsAt ?? 'absent'}`);
  else if (new Date(resets).getUTCDate() !== 1 && limit.endsWith('_per_month')) found.push(`a month begins anew at ${resetsAt}`);
  if (limit.endsWith('_per_day') && resets % 86_400_000 !== 0) found.push(`a day begins anew at ${resetsAt}`);
  if (headers === undefined) return found;
  if (headers.shouldRetry !== 'false') found.push(`x-should-retry is ${headers.shouldRetry}`);
  if (!(Number(headers.retryAfter) > 0)) found.push(`Retry-After is ${headers.retryAfter}`);
  if (later) return found;
  if (headers.rateLimit === null || headers.policy === null) found.push('RateLimit or RateLimit-Policy is absent');
  return found;
}

function judgeNeighbour(
  evidence: TenantEvidence,
  message: SentMessage,
  state: string | undefined,
  report: (kind: 'neighbour', detail: string) => void,
): void {
  const refused = message.replies.find(({ refusal }) => refusal?.status === 429);
  if (refused !== undefined)
    report('neighbour', `${message.marker} was refused (${refused.refusal?.code} ${refused.refusal?.limit ?? ''})`);
  else if (evidence.calm && state !== 'completed') report('neighbour', `${message.marker} ended as ${state ?? 'nothing'}`);
}
