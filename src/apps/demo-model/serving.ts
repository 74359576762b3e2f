import type { ServerResponse } from 'node:http';
import type { DemoState } from './demo-state.ts';
import type { Pieces } from './tokens.ts';
import type { Outcome, WitnessEntry } from './witness-log.ts';

/** One answer being served: what it is meant to end as, and whether it still runs. Its witness entry ends when its connection does. */
export class Serving {
  readonly entry: WitnessEntry;
  readonly res: ServerResponse;
  /** What the server meant; without it a closed connection means that the client went away. */
  intended: Outcome | undefined;
  done = false;
  pieces: Pieces | undefined;
  onDone: () => void = () => {};

  constructor(state: DemoState, res: ServerResponse, entry: WitnessEntry, weight: number) {
    this.entry = entry;
    this.res = res;
    res.on('error', () => {});
    const settle = () => {
      if (this.done) return;
      this.done = true;
      entry.text_served = this.pieces?.text(entry.tokens_served) ?? '';
      state.witness.finish(entry, this.#outcome(state.closing), weight);
      this.onDone();
    };
    res.once('close', settle);
    // A client may be gone before its request was read.
    if (res.destroyed) settle();
  }

  /** Counts tokens that were handed to the socket. */
  served(tokens: number): void {
    if (tokens > 0) this.entry.first_token_at ??= new Date().toISOString();
    this.entry.tokens_served += tokens;
  }

  #outcome(closing: boolean): Outcome {
    if (closing && !this.res.writableFinished) return 'server_closed';
    if (this.intended === undefined) return 'aborted_by_client';
    if (this.intended === 'cut' || this.intended === 'stalled') return this.intended;
    return this.res.writableFinished ? this.intended : 'aborted_by_client';
  }
}
