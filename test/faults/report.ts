import type { Verdict } from './checker/checker.ts';
import { type ViolationKind, violationKinds } from './checker/violation.ts';
import type { Injector, Loss } from './injector.ts';
import { pausesOf, quantiles, type Quantiles } from './pauses.ts';
import { type Evidence, keyIn, type StoredTurn, wasAcknowledged } from './support/history.ts';
import { attemptsPerTurn } from './support/fault-stack.ts';

/** The figures of a run. */
export interface Report {
  messages: { sent: number; acknowledged: number; complete: number; interrupted: number; failed: number };
  violations: Record<ViolationKind, number>;
  /** Milliseconds from a kill of a turn's owner to the next chunk at a reader of it. */
  pause: Quantiles;
  /** The same for kills that met no other fault of a service. */
  pauseAlone: Quantiles;
  /** Each kill, in order: seconds since the first one, turns that it hit, and their pauses in milliseconds. */
  kills: { afterS: number; turns: number; pause: Quantiles }[];
  /** Turns that failed as tried too often, although fewer of their owners were taken from them than they may lose. */
  givenUpEarly: string[];
  /** Milliseconds until a replica that was started again was ready. */
  boot: Quantiles;
  /** Codes of answers that failed or were cut. */
  errors: Record<string, number>;
  modelCalls: { max: number; mean: number };
  readings: { count: number; websocket: number; sse: number; chunks: number };
  faults: Record<string, number>;
}

/** Adds a run up. */
export function reportOf(
  evidence: Evidence,
  verdict: Verdict,
  injector: Pick<Injector, 'losses' | 'done' | 'skipped'>,
  boots: number[] = [],
): Report {
  const { messages, served, stored } = evidence;
  const violations = Object.fromEntries(
    violationKinds.map((kind) => [kind, verdict.violations.filter((violation) => violation.kind === kind).length]),
  ) as Record<ViolationKind, number>;
  const kills = injector.losses.filter(({ kind }) => kind === 'kill');
  const sent = new Set(messages.map(({ key }) => key));
  const turns = stored.filter(({ question }) => question !== undefined && sent.has(keyIn(question) ?? ''));
  const inState = (...states: string[]) => turns.filter(({ state }) => states.includes(state)).length;
  const calls = [...Map.groupBy(served, ({ question }) => keyIn(question) ?? '')]
    .filter(([key]) => sent.has(key))
    .map(([, own]) => own.length);
  const readings = messages.flatMap((message) => message.readings);
  return {
    messages: {
      sent: messages.length,
      acknowledged: messages.filter(wasAcknowledged).length,
      complete: inState('completed'),
      interrupted: inState('interrupted', 'stopped'),
      failed: inState('failed'),
    },
    violations,
    pause: quantiles(pausesOf(messages, kills)),
    pauseAlone: quantiles(
      pausesOf(
        messages,
        kills.filter(({ alone }) => alone),
      ),
    ),
    kills: kills.map((kill) => ({
      afterS: Math.round((kill.at - (kills[0]?.at ?? 0)) / 100) / 10,
      turns: kill.turns.length,
      pause: quantiles(pausesOf(messages, [kill])),
    })),
    givenUpEarly: givenUpEarly(turns, injector.losses),
    boot: quantiles(boots),
    errors: Object.fromEntries(
      [
        ...Map.groupBy(
          turns.filter(({ errorCode }) => errorCode !== null),
          ({ errorCode }) => String(errorCode),
        ),
      ].map(([code, own]) => [code, own.length]),
    ),
    modelCalls: { max: Math.max(0, ...calls), mean: calls.reduce((sum, count) => sum + count, 0) / Math.max(1, calls.length) },
    readings: {
      count: readings.length,
      websocket: readings.filter(({ dialect }) => dialect === 'websocket').length,
      sse: readings.filter(({ dialect }) => dialect === 'sse').length,
      chunks: readings.reduce((sum, { events }) => sum + events.filter(({ type }) => type === 'chunk').length, 0),
    },
    faults: { ...Object.fromEntries(injector.done), skipped: injector.skipped },
  };
}

function givenUpEarly(turns: StoredTurn[], losses: Loss[]): string[] {
  const failed = turns.filter(({ errorCode }) => errorCode === 'too_many_attempts');
  const lost = (id: string) => losses.filter((loss) => loss.turns.includes(id)).length;
  return failed
    .filter(({ id }) => lost(id) < attemptsPerTurn)
    .map(({ id, attempt }) => `${id}: attempt ${attempt}, ${lost(id)} owners lost`);
}

/** The report as lines. */
export function formatReport(report: Report): string {
  const { messages, modelCalls, readings } = report;
  const rows: [string, string][] = [
    ['messages', `${messages.sent} sent, ${messages.acknowledged} acknowledged`],
    ['answers', `${messages.complete} complete, ${messages.interrupted} interrupted, ${messages.failed} failed`],
    ['readings', `${readings.count} (${readings.websocket} WebSocket, ${readings.sse} SSE), ${readings.chunks} chunks`],
    ...violationKinds.map((kind): [string, string] => [kind, String(report.violations[kind])]),
    ['pause at take-over', describe(report.pause)],
    ['… with no service away', describe(report.pauseAlone)],
    ...report.kills.map(({ afterS, turns, pause }): [string, string] => [`  kill at +${afterS} s`, `${turns} turns; ${describe(pause)}`]),
    ['boot of a replica', describe(report.boot)],
    ['given up early', String(report.givenUpEarly.length)],
    ['error codes', JSON.stringify(report.errors)],
    ['model calls a turn', `${modelCalls.mean.toFixed(2)} on average, ${modelCalls.max} at most`],
    ...Object.entries(report.faults).map(([kind, count]): [string, string] => [`fault: ${kind}`, String(count)]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(28)} ${value}`).join('\n');
}

function describe({ p50, p99, max, count }: Quantiles): string {
  return `p50 ${seconds(p50)}, p99 ${seconds(p99)}, max ${seconds(max)}, of ${count}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
