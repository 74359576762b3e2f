import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { LedgerRow, LimitChange, SentMessage, ServedCall, StoredTurn, TenantEvidence } from './evidence.ts';

const month = '2026-11-01T00:00:00.000Z';
const day = '2026-11-21T00:00:00.000Z';
const tenant = 'tenant';
/** Ten tokens in and ninety out cost 6.9. */
const prices = { demo: { input: 150_000, output: 60_000 } };

const message = (marker: string, at: number, more: Partial<SentMessage> = {}): SentMessage => ({
  ...{ marker, visitor: 'visitor-0', dialect: 'events', kind: 'plain' },
  replies: [{ began: at, ended: at + 50, accepted: true, outcome: 'complete' }],
  ...more,
});
const refused = (marker: string, at: number): SentMessage => {
  const headers = { shouldRetry: 'false', retryAfter: '800000', rateLimit: '"tokens_per_month";r=0;t=1', policy: '"tokens_per_month";q=1' };
  const refusal = { status: 429, code: 'quota_exceeded', limit: 'tokens_per_month', resetsAt: '2026-12-01T00:00:00.000Z', headers };
  return message(marker, at, { replies: [{ began: at, ended: at + 1, accepted: false, outcome: 'refused', refusal }] });
};
const turn = (marker: string, more: Partial<StoredTurn> = {}): StoredTurn => ({
  ...{ id: `turn-${marker}`, marker, visitorId: 'visitor', state: 'completed', attempt: 1, modelCalls: 1, answered: true },
  ...more,
});
const served = (marker: string, at: number, more: Partial<ServedCall> = {}): ServedCall => ({
  ...{ marker, model: 'demo', startedAt: at, status: 200, outcome: 'complete', promptTokens: 10, tokensServed: 90 },
  ...{ reported: { prompt: 10, completion: 90 }, ...more },
});
const booked = (marker: string, call: number, more: Partial<LedgerRow> = {}): LedgerRow => ({
  ...{
    id: `${marker}-${call}`,
    turnId: `turn-${marker}`,
    call,
    visitorId: 'visitor',
    state: 'settled',
    reservedInput: 100,
    reservedOutput: 100,
    reservedCost: 21,
  },
  ...{ inputTokens: 10, outputTokens: 90, estimated: false, cost: 7, month, day, ...more },
});

/** Nine messages of a hundred tokens under a limit of a thousand, and a tenth that does not fit with its reservation. */
function sound(): TenantEvidence {
  const markers = Array.from({ length: 9 }, (_, at) => `M${at}`);
  const counts = { messages: 9, tokens: 900, tokensReserved: 0, cost: 63, costReserved: 0 };
  return {
    ...{ name: 'T', uuid: tenant, limits: [{ at: 0, tokens: 1_000, cost: 84, visitorTokens: 5_000 }], neighbour: false, calm: true },
    ...{ exhausted: 'tokens_per_month', prices, peaks: { tokens: 1_000, cost: 84, visitorTokens: 1_000 } },
    sent: [...markers.map((marker, at) => message(marker, at * 100)), refused('M9', 900)],
    served: markers.map((marker, at) => served(marker, at * 100 + 5)),
    turns: markers.map((marker) => turn(marker)),
    ledger: markers.map((marker) => booked(marker, 1)),
    counters: [
      { subject: tenant, window: month, ...counts },
      { subject: 'visitor', window: day, ...counts },
    ],
  };
}

/** The last message broke off once and was asked again, by another replica, after a try that never reached the provider. */
function rough(): TenantEvidence {
  const evidence = sound();
  evidence.calm = false;
  evidence.turns[8] = turn('M8', { attempt: 2, modelCalls: 3 });
  evidence.served.splice(8, 1, served('M8', 805, { outcome: 'cut', tokensServed: 20, reported: null }), served('M8', 830));
  evidence.ledger.splice(
    8,
    1,
    booked('M8', 1, { inputTokens: 50, outputTokens: 50, estimated: true }),
    booked('M8', 2, { state: 'released', inputTokens: 0, outputTokens: 0, cost: 0 }),
    booked('M8', 3),
  );
  evidence.limits = [{ at: 0, tokens: 1_200 }];
  evidence.peaks.tokens = 1_200;
  for (const counter of evidence.counters) Object.assign(counter, { tokens: 1_000, cost: 70 });
  return evidence;
}

type Change = (evidence: TenantEvidence) => unknown;
const edit = <T>(list: T[], at: number, more: Partial<T>) => Object.assign(list.at(at) as object, more);

test('P6: what is sound has no violation: calm, after a death, or out of quota for another call', () => {
  expect(check([sound()])).toEqual([]);
  const late = sound();
  refuseLate(late, {});
  expect(check([late])).toEqual([]);
  expect(check([rough()])).toEqual([]);
});

describe('P6: the checker finds', () => {
  test.each<[string, string, Change]>([
    ['more served than allowed', 'overspend', (e) => (e.limits = [{ at: 0, tokens: 899, visitorTokens: 5_000 }])],
    ['more money served than allowed', 'overspend', (e) => (e.limits = [{ at: 0, cost: 62 }])],
    ['more served to a visitor than allowed', 'overspend', (e) => (e.limits = [{ at: 0, tokens: 1_000, visitorTokens: 899 }])],
    ['more messages than allowed', 'overspend', (e) => (e.limits = [{ at: 0, tokens: 1_000, visitorTokens: 5_000, messages: 8 }])],
    ['a message accepted at a limit that was lowered', 'overspend', (e) => lower(e, { tokens: 100 })],
    ['a message accepted at a limit of money that was lowered', 'overspend', (e) => lower(e, { cost: 7 })],
    ['a promise beyond the limit', 'over-reserved', (e) => (e.peaks.tokens = 1_001)],
    ['a promise of money beyond the limit', 'over-reserved', (e) => (e.peaks.cost = 85)],
    ['a promise to a visitor beyond the limit', 'over-reserved', (e) => (e.peaks.visitorTokens = 5_001)],
    ['a request that is in no ledger', 'unrecorded', (e) => e.served.push(served('M3', 400))],
    ['a request for a message that was never accepted', 'unrecorded', (e) => e.served.push(served('M77', 400))],
    ['less booked than served', 'under-booked', (e) => edit(e.ledger, 2, { outputTokens: 80, estimated: true })],
    ['a release of what was served', 'under-booked', (e) => edit(e.ledger, 2, { state: 'released', inputTokens: 0, outputTokens: 0 })],
    ['more served than reserved', 'under-booked', (e) => edit(e.ledger, 2, { reservedOutput: 5, reservedInput: 5 })],
    ['a cheaper price than the tokens have', 'inexact', (e) => edit(e.ledger, 2, { cost: 6 })],
    ['a dearer price than the tokens have', 'inexact', (e) => edit(e.ledger, 2, { cost: 8 })],
    ['less money booked than served', 'under-booked', (e) => edit(e.ledger, 2, { cost: 6, outputTokens: 190, estimated: true })],
    ['more money served than reserved', 'under-booked', (e) => edit(e.ledger, 2, { reservedCost: 6 })],
    ['more money booked than reserved', 'over-booked', (e) => edit(e.ledger, 2, { cost: 22, estimated: true })],
    ['more booked than reserved', 'over-booked', (e) => edit(e.ledger, 2, { outputTokens: 191, estimated: true })],
    ['a count of its own that is called exact', 'inexact', (e) => edit(e.ledger, 2, { inputTokens: 11 })],
    ['an estimate of what the provider has said', 'inexact', (e) => edit(e.ledger, 2, { estimated: true })],
    ['a count that the provider has not given', 'inexact', (e) => edit(e.ledger, 2, { inputTokens: 0, outputTokens: 0 })],
    ['one request that is booked twice', 'booked-twice', (e) => e.ledger.push(booked('M2', 2))],
    ['an estimate for what was never asked', 'booked-twice', (e) => e.ledger.push(booked('M2', 2, { estimated: true }))],
    ['rows of no turn', 'booked-twice', (e) => e.ledger.push(booked('M99', 1))],
    ['a reservation that stays', 'unsettled', (e) => edit(e.ledger, 2, { state: 'reserved', inputTokens: null, outputTokens: null })],
    ['a counter that keeps a reservation', 'unsettled', (e) => edit(e.counters, 0, { tokensReserved: 1 })],
    ['tokens that are counted twice', 'counter', (e) => edit(e.counters, 0, { tokens: 1_000 })],
    ['a cost that is not counted', 'counter', (e) => edit(e.counters, 0, { cost: 0 })],
    ['a visitor who is not counted', 'counter', (e) => edit(e.counters, 1, { tokens: 800 })],
    ['a message that counts twice', 'counter', (e) => edit(e.counters, 0, { messages: 10 })],
    ['a month without a counter', 'counter', (e) => edit(e.ledger, 0, { month: '2026-10-01T00:00:00.000Z' })],
    ['quota that nobody can use', 'unused', (e) => (e.limits = [{ at: 0, tokens: 1_101, visitorTokens: 5_000 }])],
    ['money that nobody can use', 'unused', (e) => exhaust(e, 'cost_per_month', { cost: 85 })],
    ['a day of a visitor that they cannot use', 'unused', (e) => exhaust(e, 'visitor_tokens_per_day', { visitorTokens: 1_101 })],
    [
      'a refusal in the middle of a day',
      'refusal',
      (e) => refusalOf(e, { limit: 'visitor_tokens_per_day', resetsAt: '2026-11-22T01:00:00.000Z' }),
    ],
    ['a refusal that does not say when', 'refusal', (e) => refusalOf(e, { resetsAt: undefined })],
    ['a refusal in the middle of a month', 'refusal', (e) => refusalOf(e, { resetsAt: '2026-11-22T00:00:00.000Z' })],
    ['a refusal by another limit', 'refusal', (e) => refusalOf(e, { limit: 'seats' })],
    ['a refusal that lets clients try again', 'refusal', (e) => refuseWith(e, { shouldRetry: null })],
    ['a refusal that does not say how long', 'refusal', (e) => refuseWith(e, { retryAfter: null })],
    ['a refusal after the provider was asked', 'refusal', (e) => e.served.push(served('M9', 905))],
    ['a refusal in the middle of an answer that does not say which', 'refusal', (e) => refuseLate(e, { limit: undefined })],
    ['a refusal of what was stored', 'refusal', (e) => e.turns.push(turn('M9', { answered: false }))],
    ['a message that became two turns', 'turns', (e) => e.turns.push(turn('M1', { id: 'turn-other' }))],
    ['an acknowledged message that is gone', 'turns', (e) => e.sent.push(message('M42', 950))],
    ['a neighbour that is refused', 'neighbour', (e) => (e.neighbour = true)],
    [
      'a neighbour that is not answered',
      'neighbour',
      (e) => [(e.neighbour = true), e.sent.pop(), edit(e.turns, 4, { state: 'interrupted' })],
    ],
  ])('%s', (_what, kind, change) => {
    const evidence = sound();
    change(evidence);
    expect(check([evidence]).map((violation) => violation.kind)).toContain(kind);
  });

  test.each<[string, string, Change]>([
    ['a lost call that is not booked', 'under-booked', (e) => edit(e.ledger, -3, { state: 'released', inputTokens: 0, outputTokens: 0 })],
    ['a cost of what was released', 'over-booked', (e) => edit(e.ledger, -2, { cost: 5 })],
    ['a row too few', 'unrecorded', (e) => e.ledger.splice(-3, 2)],
    [
      'a row that is exact without a request',
      'booked-twice',
      (e) => edit(e.ledger, -2, { state: 'settled', inputTokens: 1, outputTokens: 1 }),
    ],
  ])('after a death, %s', (_what, kind, change) => {
    const evidence = rough();
    change(evidence);
    expect(check([evidence]).map((violation) => violation.kind)).toContain(kind);
  });

  test('a month that is spent twice as it turns', () => {
    const evidence = sound();
    evidence.monthTurnedAt = 450;
    const next = '2026-12-01T00:00:00.000Z';
    const isNew = (at: number) => at > 4;
    for (const [at, row] of evidence.ledger.entries()) if (isNew(at)) row.month = next;
    const [old] = evidence.counters;
    if (old === undefined) throw new Error('there is a counter');
    evidence.counters.push({ ...old, window: next, tokens: 400, messages: 4, cost: 28 });
    Object.assign(old, { tokens: 500, messages: 5, cost: 35 });
    evidence.limits = [{ at: 0, tokens: 500 }];
    evidence.peaks.tokens = 500;
    expect(check([evidence])).toEqual([]);
    edit(evidence.ledger, 4, { month: next });
    expect(check([evidence]).map(({ kind }) => kind)).toContain('counter');
    evidence.limits = [{ at: 0, tokens: 450 }];
    edit(evidence.ledger, 4, { month });
    expect(check([evidence]).map(({ kind }) => kind)).toContain('overspend');
  });
});

/** A thousand tokens and their money until 300, then less; messages go on. */
function lower(evidence: TenantEvidence, limits: Partial<LimitChange>): void {
  evidence.limits = [
    { at: 0, tokens: 1_000, cost: 84 },
    { at: -4_700, ...limits },
  ];
}

/** Another limit than that of tokens was the one that refused. */
function exhaust(evidence: TenantEvidence, limit: string, limits: Partial<LimitChange>): void {
  evidence.exhausted = limit;
  evidence.limits = [{ at: 0, ...limits }];
}

/** The first call of the refused message broke off, and there was no room for another. */
function refuseLate(evidence: TenantEvidence, more: object): void {
  refusalOf(evidence, more);
  evidence.turns.push(turn('M9', { state: 'failed', answered: false }));
  evidence.served.push(served('M9', 905, { outcome: 'error', status: 500, tokensServed: 0, reported: null }));
  evidence.ledger.push(booked('M9', 1, { state: 'released', inputTokens: 0, outputTokens: 0, cost: 0 }));
}

function refuseWith(evidence: TenantEvidence, more: object): void {
  Object.assign(refusalOf(evidence, {}).headers ?? {}, more);
}

function refusalOf(evidence: TenantEvidence, more: object) {
  const refusal = evidence.sent.at(-1)?.replies[0]?.refusal;
  if (refusal === undefined) throw new Error('the last message is refused');
  return Object.assign(refusal, more);
}
