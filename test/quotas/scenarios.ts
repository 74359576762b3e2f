import type { Dialect, LimitChange } from './checker/evidence.ts';
import type { AnswerShape, Mix } from './clients/messages.ts';
import { SeededRandom } from '../faults/support/random.ts';

/** What happens while messages are sent, `atMs` after the first one. */
export type Event = { atMs: number } & (
  | { do: 'kill'; replica: number; backAfterMs: number }
  /** The kill comes while Postgres has been sent COMMITs that have not reached it. */
  | { do: 'kill-in-commit'; replica: number; backAfterMs: number }
  | { do: 'flush-redis' }
  | { do: 'change-limits'; limits: Omit<LimitChange, 'at'> }
);

/** One run of the harness. */
export interface Scenario {
  name: string;
  seed: number;
  /** Replicas that clients talk to. */
  replicas: 1 | 3;
  /** Messages that wait for their answers at once, and messages in all. */
  concurrency: number;
  messages: number;
  /** Visitors who send them; without it each has few of them. */
  visitors?: number;
  limits: Omit<LimitChange, 'at'>;
  /** Who answers: a cheap model, or one that costs several hundred times as much. */
  model: 'demo-large' | 'demo-small';
  /** Bound of the bot's answers, in tokens. */
  maxOutputTokens: number;
  mix: Mix;
  answer: AnswerShape;
  dialects: Dialect[];
  events: Event[];
  /** Milliseconds from the first message to the first moment of the next month. */
  monthTurnsAfterMs?: number;
  /** Milliseconds between two messages of one lane; without it the next follows at once. */
  pauseMs?: number;
}

const all: Dialect[] = ['websocket', 'events', 'completions'];
const atOnce: AnswerShape = { tokens: { least: 200, most: 400 }, tokensPerPiece: 40, tokensPerSecond: 0, firstTokenMs: 20 };
/** Answers of two to four seconds, so that whatever happens finds some of them in each phase. */
const paced: AnswerShape = { tokens: { least: 200, most: 400 }, tokensPerPiece: 10, tokensPerSecond: 100, firstTokenMs: 300 };
const sharp: Mix = { full: 6, plain: 2, dense: 2 };
const rough: Mix = {
  full: 2,
  plain: 1,
  silent: 1,
  zero: 1,
  late: 1,
  throttled: 1,
  broken: 1,
  cut: 1,
  ended: 1,
  stopped: 2,
  hostile: 2,
  dense: 1,
};

const usual = { model: 'demo-large' as const, maxOutputTokens: 400, answer: atOnce, dialects: all, events: [] as Event[] };

/** So many at once, at a limit that a part of them reaches; nothing else goes wrong. */
export function crowd(seed: number, replicas: 1 | 3, concurrency: number): Scenario {
  const messages = Math.max(40, concurrency);
  const limits = seed % 2 === 0 ? { tokens: messages * 170 } : { tokens: messages * 170, messages: Math.ceil(messages / 3) };
  return { ...usual, name: `${concurrency} at once, ${replicas} replicas`, seed, replicas, concurrency, messages, limits, mix: sharp };
}

/** Providers that fail, say nothing of usage, or lie; readers that stop; callers with absurd bounds. */
export function roughProvider(seed: number, messages = 120): Scenario {
  const limits = { tokens: messages * 200, visitorTokens: 20_000 };
  return { ...usual, name: 'rough providers, stops, absurd bounds', seed, replicas: 3, concurrency: 24, messages, limits, mix: rough };
}

/** So many at once, at a limit of money: the same crowd, and each answer costs what its tokens cost. */
export function moneyCrowd(seed: number, replicas: 1 | 3, concurrency: number): Scenario {
  const name = `${concurrency} at once, ${replicas} replicas, money`;
  const shape = crowd(seed, replicas, concurrency);
  return { ...shape, name, limits: { cost: shape.messages * 1_200 } };
}

/** Replicas die and readers stop dear answers, at a limit of money that is large enough for its counter to be several rows. */
export function moneyKills(seed: number, count: number, messages = 160): Scenario {
  const mix = { full: 3, plain: 3, silent: 1, zero: 1, throttled: 1, cut: 1, stopped: 3 };
  const limits = { cost: messages * 450_000 };
  const shape = kills(seed, count, messages);
  return { ...shape, name: `${count} kills and stops, money`, model: 'demo-small', mix, limits };
}

/** A few visitors send much at once, each at a limit of tokens a day of their own; replicas die, readers stop. */
export function visitorsDay(seed: number, count: number, messages = 120): Scenario {
  const mix = { full: 3, plain: 3, silent: 1, cut: 1, stopped: 1, dense: 1 };
  const limits = { visitorTokens: 8_000 };
  const shape = kills(seed, count, messages);
  return { ...shape, name: `visitors’ days, ${count} kills`, concurrency: 24, visitors: 3, mix, limits };
}

/** Replicas die between reservation, call and settlement, and in the middle of a commit. */
export function kills(seed: number, count: number, messages = 160): Scenario {
  const random = new SeededRandom(seed).branch('kills');
  const events = Array.from({ length: count }, (_, at): Event => {
    const kind = random.chance(0.4) ? 'kill-in-commit' : 'kill';
    return { atMs: 800 + at * 2_500 + random.integer(0, 2_000), do: kind, replica: random.integer(0, 2), backAfterMs: 300 };
  });
  const mix = { full: 3, plain: 3, silent: 1, throttled: 1, cut: 1 };
  const limits = { tokens: messages * 300 };
  return { ...usual, name: `${count} kills`, seed, replicas: 3, concurrency: 40, messages, limits, mix, answer: paced, events };
}

/** Redis forgets everything, again and again. */
export function flushes(seed: number, count: number): Scenario {
  const events = Array.from({ length: count }, (_, at): Event => ({ atMs: 300 + at * 600, do: 'flush-redis' }));
  const answer = { ...paced, tokensPerSecond: 400 };
  return {
    ...usual,
    name: `${count} flushes of Redis`,
    seed,
    replicas: 3,
    concurrency: 32,
    messages: 120,
    limits: { tokens: 22_000 },
    mix: sharp,
    answer,
    events,
  };
}

/** The plan is raised and lowered while messages are sent. */
export function planChanges(seed: number): Scenario {
  // Each change has five seconds to hold, and some more in which it is seen to hold.
  const events: Event[] = [
    { atMs: 300, do: 'change-limits', limits: { tokens: 45_000 } },
    { atMs: 5_800, do: 'change-limits', limits: { tokens: 20_000 } },
  ];
  const answer = { ...paced, tokensPerSecond: 600 };
  const load = { concurrency: 12, messages: 420, pauseMs: 300 };
  return {
    ...usual,
    name: 'a plan raised and lowered',
    seed,
    replicas: 3,
    ...load,
    limits: { tokens: 12_000 },
    mix: sharp,
    answer,
    events,
  };
}

/** The month turns while messages are sent: what was reserved before counts for the old one. */
export function monthTurn(seed: number): Scenario {
  const load = { concurrency: 12, messages: 200, pauseMs: 150, monthTurnsAfterMs: 2_500 };
  const answer = { ...paced, tokensPerSecond: 400 };
  return { ...usual, name: 'the month turns', seed, replicas: 3, ...load, limits: { tokens: 15_000 }, mix: sharp, answer };
}
