import { createWriteStream, type WriteStream } from 'node:fs';

/** How a request ended. `running` is never written: it is what an open entry says. */
export type Outcome = 'running' | 'complete' | 'aborted_by_client' | 'cut' | 'ended_early' | 'stalled' | 'error' | 'server_closed';

/** What this server saw and did for one request, independent of what its client believes. Times are ISO 8601. */
export interface WitnessEntry {
  /** Order of ending, from 1; 0 while the request runs. */
  seq: number;
  id: string | null;
  request_id: string;
  path: string;
  batch_id: string | null;
  model: string | null;
  key_digest: string | null;
  user: string | null;
  started_at: string;
  first_token_at: string | null;
  ended_at: string | null;
  messages_digest: string | null;
  last_user: string;
  system: string;
  request: unknown;
  stream: boolean;
  script: unknown;
  /** Whether a prefix to continue was the beginning of our answer; null when there was none. */
  continued_prefix: 'matched' | 'diverged' | null;
  prompt_tokens: number;
  tokens_planned: number;
  /** Tokens handed to the socket. */
  tokens_served: number;
  text_served: string;
  usage_reported: unknown;
  finish_reason: string | null;
  status: number;
  outcome: Outcome;
}

/** Which entries to give: ended after `after`, whose last user message contains `match`. */
export interface WitnessQuery {
  after?: number;
  match?: string;
  limit?: number;
}

interface Kept {
  entry: WitnessEntry;
  weight: number;
}

/** The log of what was served: a ring in memory, bounded in entries and in characters, and optionally a file of JSON lines. */
export class WitnessLog {
  readonly #limits: { entries: number; characters: number };
  readonly #bodiesInFile: boolean;
  readonly #file: WriteStream | undefined;
  readonly #open = new Set<WitnessEntry>();
  readonly #waiters = new Set<(entry: WitnessEntry) => void>();
  #kept: Kept[] = [];
  #first = 0;
  #weight = 0;
  #seq = 0;
  #servedTokens = 0;

  constructor(options: { entries: number; characters?: number; file?: string | undefined; bodiesInFile: boolean }) {
    this.#limits = { entries: options.entries, characters: options.characters ?? 256 * 1024 * 1024 };
    this.#bodiesInFile = options.bodiesInFile;
    this.#file = options.file === undefined ? undefined : createWriteStream(options.file, { flags: 'a', mode: 0o600 });
    this.#file?.on('error', (error) => process.stderr.write(`demo-model: the witness file cannot be written: ${error.message}\n`));
  }

  /** Begins the entry of a request. The caller fills it in and ends it with `finish`. */
  open(known: Partial<WitnessEntry> & Pick<WitnessEntry, 'path' | 'request_id'>): WitnessEntry {
    const entry: WitnessEntry = { ...blank, ...known, started_at: new Date().toISOString() };
    this.#open.add(entry);
    return entry;
  }

  /** Ends an entry, once; `weight` is about how many characters it holds. Gives false when it had ended before. */
  finish(entry: WitnessEntry, outcome: Outcome, weight = 0): boolean {
    if (!this.#open.delete(entry)) return false;
    entry.outcome = outcome;
    entry.ended_at = new Date().toISOString();
    entry.seq = ++this.#seq;
    this.#servedTokens += entry.tokens_served;
    this.#keep({ entry, weight: weight + entry.last_user.length + entry.system.length + entry.text_served.length + 500 });
    this.#file?.write(JSON.stringify(this.#bodiesInFile ? entry : { ...entry, request: undefined }) + '\n');
    for (const waiter of this.#waiters) waiter(entry);
    return true;
  }

  /** Ended entries in order, at most `limit` (10,000); `next` is the `after` of the following page. */
  entries(query: WitnessQuery = {}): { entries: WitnessEntry[]; next: number } {
    const { after = 0, match, limit = 10_000 } = query;
    const entries: WitnessEntry[] = [];
    let next = after;
    // Numbers have no gaps, so the place of the first entry follows from its number.
    const firstSeq = this.#kept[this.#first]?.entry.seq ?? 0;
    const start = this.#first + Math.max(0, after + 1 - firstSeq);
    for (let index = start; index < this.#kept.length && entries.length < limit; index++) {
      const entry = this.#kept[index]?.entry;
      if (entry === undefined) continue;
      next = entry.seq;
      if (match === undefined || entry.last_user.includes(match)) entries.push(entry);
    }
    return { entries, next };
  }

  /** Requests that have not ended. */
  running(): WitnessEntry[] {
    return [...this.#open];
  }

  /** The first ended entry that fits, now or within `timeoutMs`; undefined when none came. */
  waitFor(fits: (entry: WitnessEntry) => boolean, timeoutMs = 10_000): Promise<WitnessEntry | undefined> {
    const present = this.entries({ limit: Infinity }).entries.find(fits);
    if (present !== undefined || timeoutMs <= 0) return Promise.resolve(present);
    return new Promise((resolve) => {
      const settle = (entry: WitnessEntry | undefined) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(entry);
      };
      const waiter = (entry: WitnessEntry) => fits(entry) && settle(entry);
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  stats(): { active: number; served_requests: number; served_tokens: number } {
    return { active: this.#open.size, served_requests: this.#seq, served_tokens: this.#servedTokens };
  }

  /** Forgets the ended entries; numbers go on. */
  clear(): void {
    this.#kept = [];
    this.#first = 0;
    this.#weight = 0;
  }

  /** Ends what runs as `server_closed`, and writes the file out. */
  async close(): Promise<void> {
    for (const entry of this.#open) this.finish(entry, 'server_closed');
    const file = this.#file;
    if (file !== undefined && !file.destroyed) await new Promise<void>((resolve) => file.once('error', () => resolve()).end(resolve));
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept);
    this.#weight += kept.weight;
    while (
      this.#kept.length - this.#first > this.#limits.entries ||
      (this.#weight > this.#limits.characters && this.#kept.length - this.#first > 1)
    ) {
      this.#weight -= this.#kept[this.#first]?.weight ?? 0;
      this.#kept[this.#first++] = gone;
    }
    if (this.#first > 1000 && this.#first * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
  }
}

const blank: WitnessEntry = {
  seq: 0,
  id: null,
  request_id: '',
  path: '',
  batch_id: null,
  model: null,
  key_digest: null,
  user: null,
  started_at: '',
  first_token_at: null,
  ended_at: null,
  messages_digest: null,
  last_user: '',
  system: '',
  request: undefined,
  stream: false,
  script: null,
  continued_prefix: null,
  prompt_tokens: 0,
  tokens_planned: 0,
  tokens_served: 0,
  text_served: '',
  usage_reported: null,
  finish_reason: null,
  status: 200,
  outcome: 'running',
};
const gone: Kept = { entry: blank, weight: 0 };
