import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './load/messages.ts';

/** What the demo model wrote down about one request; see src/apps/demo-model/README.md. */
export interface WitnessEntry {
  started_at: string;
  first_token_at: string | null;
  last_user: string;
  tokens_served: number;
  text_served: string;
  outcome: string;
}

/** What the comparison of two independent records gave. */
export interface Checked {
  answers: number;
  tokens: number;
  /** What is wrong, in words; empty = every text is what the model served. */
  wrong: string[];
  /** The model's own record of each answer, by marker. */
  entries: Map<string, WitnessEntry>;
}

/** How long the model's log may lag behind its answers, in milliseconds. */
const patienceMs = 3_000;

/** Reads the demo model's own log of what it served, and compares. */
export class Witness {
  private readonly url: string;

  /** `url` is the demo model's, without a path. */
  constructor(url: string) {
    this.url = url;
  }

  /** Forgets what was served so far. */
  async clear(): Promise<void> {
    await fetch(`${this.url}/demo/witness`, { method: 'DELETE' });
  }

  /**
   * Compares answers with what was served since the last `clear`: each must be complete, of `tokens` tokens, and letter for
   * letter what the model served for exactly one request; and nothing else may have been served.
   */
  async check(answers: Answer[], tokens: (marker: string) => number): Promise<Checked> {
    const served = await this.served(answers.length);
    const entries = new Map<string, WitnessEntry>();
    const wrong: string[] = [];
    for (const entry of served) {
      const marker = markerOf(entry);
      if (entries.has(marker)) wrong.push(`${marker}: the model was asked twice`);
      entries.set(marker, entry);
    }
    const asked = new Set<string>();
    let total = 0;
    for (const answer of answers) {
      asked.add(answer.marker);
      const entry = entries.get(answer.marker);
      total += entry?.tokens_served ?? 0;
      const fault = faultOf(answer, entry, tokens(answer.marker));
      if (fault !== undefined) wrong.push(`${answer.marker}: ${fault}`);
    }
    for (const marker of entries.keys()) if (!asked.has(marker)) wrong.push(`${marker}: served, but nobody got it`);
    return { answers: answers.length, tokens: total, wrong, entries };
  }

  /** How often the model was asked for each marker since the last `clear`, and how often it came to its end. */
  async attempts(): Promise<Map<string, { asked: number; complete: number }>> {
    const attempts = new Map<string, { asked: number; complete: number }>();
    for (const entry of await this.served(0)) {
      const known = attempts.get(markerOf(entry)) ?? { asked: 0, complete: 0 };
      known.asked += 1;
      if (entry.outcome === 'complete') known.complete += 1;
      attempts.set(markerOf(entry), known);
    }
    return attempts;
  }

  private async served(expected: number): Promise<WitnessEntry[]> {
    const end = performance.now() + patienceMs;
    for (;;) {
      // The numbers of entries go on after a clear, so 0 begins with the first that is left.
      const response = await fetch(`${this.url}/demo/witness?limit=100000`);
      const { entries } = (await response.json()) as { entries: WitnessEntry[] };
      if (entries.length >= expected || performance.now() > end) return entries;
      await sleep(100);
    }
  }
}

function markerOf({ last_user }: WitnessEntry): string {
  return last_user.slice(last_user.lastIndexOf(' ') + 1);
}

function faultOf(answer: Answer, entry: WitnessEntry | undefined, tokens: number): string | undefined {
  if (answer.error !== '') return answer.error;
  if (entry === undefined) return 'the model knows nothing of it';
  if (entry.outcome !== 'complete' || entry.tokens_served !== tokens)
    return `the model served ${entry.tokens_served} tokens, ${entry.outcome}`;
  if (answer.text !== entry.text_served) return `${answer.text.length} characters came that are not the ${entry.text_served.length} served`;
  return answer.finish === 'stop' ? undefined : `it ended with "${answer.finish}"`;
}
