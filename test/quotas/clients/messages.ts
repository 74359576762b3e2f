import type { Dialect } from '../checker/evidence.ts';
import type { SeededRandom } from '../../faults/support/random.ts';

/** What answers look like; tokens come at `tokensPerSecond`, 0 = at once, so many in a piece. */
export interface AnswerShape {
  tokensPerPiece: number;
  tokens: { least: number; most: number };
  tokensPerSecond: number;
  firstTokenMs: number;
}

/**
 * Kinds of messages. `full` is answered up to its bound; `dense` has as many tokens as bytes; `silent`, `zero` and `late` are about the
 * usage that the provider says; `throttled` and `broken` are refused by the provider first; `cut` breaks off in the middle, once, and
 * `ended` ends without saying so; `stopped` is stopped by its reader; `hostile` asks for absurd bounds.
 */
export const messageKinds = [
  'plain',
  'full',
  'dense',
  'silent',
  'zero',
  'late',
  'throttled',
  'broken',
  'cut',
  'ended',
  'stopped',
  'hostile',
] as const;
export type MessageKind = (typeof messageKinds)[number];

/** How often each kind is drawn. */
export type Mix = Partial<Record<MessageKind, number>>;

/** A message that is ready to be sent. */
export interface Draft {
  marker: string;
  kind: MessageKind;
  dialect: Dialect;
  text: string;
  parameters: Record<string, unknown>;
  stopAfter: number | undefined;
  /** Scripts for the model's first calls of this message; later calls do as the text says. */
  firstCalls: object[];
}

/** Bounds that no caller should ask for. */
const absurd: Record<string, unknown>[] = [
  { max_tokens: 1_000_000 },
  { max_completion_tokens: 1_000_000, max_tokens: 1 },
  { max_tokens: 1_000_000_000_000 },
  { max_tokens: 0 },
  { max_tokens: -1 },
  { max_tokens: 1.5 },
  { max_tokens: '100' },
  { max_completion_tokens: -1_000_000 },
  { max_completion_tokens: 1e308 },
  { max_completion_tokens: 1 },
  { max_tokens: null, max_completion_tokens: null },
];

/** Draws a message; the same generator gives the same one. */
export function draft(marker: string, random: SeededRandom, options: { mix: Mix; answer: AnswerShape; dialects: Dialect[] }): Draft {
  const { mix, answer } = options;
  const kind = draw(mix, random);
  const tokens = random.integer(answer.tokens.least, answer.tokens.most);
  const pace = { tokens_per_second: answer.tokensPerSecond, first_token_ms: random.integer(0, 2 * answer.firstTokenMs) };
  const script: Record<string, unknown> = { tokens, chunk_tokens: answer.tokensPerPiece, ...pace };
  const firstCalls: object[] = [];
  let dialect = random.pick(options.dialects);
  let filling = '';
  let stopAfter: number | undefined;
  let parameters: Record<string, unknown> = {};
  switch (kind) {
    case 'plain':
      break;
    case 'full':
      script['tokens'] = 100_000;
      break;
    case 'dense':
      filling = '!'.repeat(random.integer(100, 400));
      break;
    case 'silent':
      script['usage'] = 'missing';
      break;
    case 'zero':
      script['usage'] = 'zero';
      break;
    case 'late':
      script['usage'] = 'late';
      break;
    case 'throttled':
      firstCalls.push({ status: 429, retry_after_ms: 50 });
      break;
    case 'broken':
      firstCalls.push(...Array.from({ length: random.integer(1, 2) }, () => ({ status: random.pick([500, 502, 503]) })));
      break;
    case 'cut':
      firstCalls.push({ ...script, cut_after_tokens: random.integer(0, tokens) });
      break;
    case 'ended':
      firstCalls.push({ ...script, end_after_tokens: random.integer(0, tokens) });
      break;
    case 'stopped':
      if (dialect === 'completions') dialect = random.pick(['websocket', 'events']);
      // Slowly enough for the stop to come before the end.
      script['tokens_per_second'] = 50;
      script['chunk_tokens'] = 1;
      script['tokens'] = 100_000;
      stopAfter = random.integer(1, 5);
      break;
    case 'hostile':
      dialect = 'completions';
      parameters = random.pick(absurd);
      break;
  }
  const text = `${[marker, filling].filter(Boolean).join(' ')} [[demo: ${JSON.stringify(script)}]]`;
  return { marker, kind, dialect, text, parameters, stopAfter, firstCalls };
}

function draw(mix: Mix, random: SeededRandom): MessageKind {
  const weights = messageKinds.map((kind) => mix[kind] ?? 0);
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, kind] of messageKinds.entries()) {
    left -= weights[at] ?? 0;
    if (left < 0) return kind;
  }
  return 'plain';
}
