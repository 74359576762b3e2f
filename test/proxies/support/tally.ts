import type { Chunk } from '../../../src/modules/chat/stream/chunks.ts';
import { shownText } from '../../support/event-stream.ts';

/** What a load has seen. All of it is counted; a test says what must be nought. */
export class Tally {
  /** Requests of all kinds that had a full and right answer. */
  requests = 0;
  answers = 0;
  chunks = 0;
  lost = 0;
  repeated = 0;
  /** Streams that were cut and gone on with from their cursor. */
  resumed = 0;
  /** Answers that were played again from their beginning, under a new epoch. */
  replayed = 0;
  /** One line for each request that failed, and each answer that was not what the model said. */
  readonly failures: string[] = [];

  /** Notes a failure. */
  failed(what: string): void {
    this.failures.push(what);
  }
}

/** One answer as its reader has it, over as many connections as it takes. */
export class HeldAnswer {
  private readonly chunks: Chunk[] = [];
  private prefix = '';

  constructor(private readonly tally: Tally) {}

  /** Where to go on; undefined before the first chunk. */
  get cursor(): string | undefined {
    return this.chunks.length === 0 ? undefined : `${this.prefix}${this.chunks.length - 1}`;
  }

  /** Text as shown. */
  get text(): string {
    return shownText(this.chunks);
  }

  /** Takes the next chunk and counts what is missing before it, or was here already. */
  take(sequence: number, chunk: Chunk): void {
    this.tally.chunks += 1;
    const prefix = prefixOf(chunk);
    if (prefix !== undefined && prefix !== this.prefix && sequence === 0) {
      // A reader that begins again under another epoch forgets what it had.
      if (this.chunks.length > 0) this.tally.replayed += 1;
      this.chunks.length = 0;
      this.prefix = prefix;
    }
    if (sequence > this.chunks.length) this.tally.lost += sequence - this.chunks.length;
    else if (sequence < this.chunks.length) this.tally.repeated += 1;
    this.chunks[sequence] = chunk;
  }
}

function prefixOf(chunk: Chunk): string | undefined {
  const metadata = (chunk as { messageMetadata?: { turn_id?: string; epoch?: number | string } }).messageMetadata;
  return chunk.type === 'start' && metadata?.turn_id !== undefined ? `${metadata.turn_id}:${metadata.epoch}:` : undefined;
}
