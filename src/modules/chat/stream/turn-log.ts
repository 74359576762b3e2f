/** Something that follows a log. */
export interface LogReader {
  /** New chunks are there, the log was sealed, or it broke: look again. Must not throw. */
  wake(): void;
}

/**
 * The log of one turn in this replica's memory: chunks as JSON text, where the index is the sequence number. A producer's
 * log holds what Redis has acknowledged, a follower's what it has read; readers are cursors over it, so a slow one costs no
 * copy.
 */
export class TurnLog {
  /** Chunks so far, each as JSON. */
  readonly chunks: string[] = [];
  /** No more will come. */
  sealed = false;
  /** The log was replaced or lost: readers must be cut, and resume. */
  broken = false;
  private readonly readers = new Set<LogReader>();

  constructor(
    readonly turnId: string,
    /** Changes when sequence numbers start anew. */
    public epoch: number,
  ) {}

  /** Number of the next chunk. */
  get next(): number {
    return this.chunks.length;
  }

  /** Adds chunks that begin at `first`; what is there already is skipped. False when there would be a gap. */
  extend(first: number, chunks: string[], seal: boolean): boolean {
    if (first > this.next) return false;
    for (const chunk of chunks.slice(this.next - first)) this.chunks.push(chunk);
    if (seal) this.sealed = true;
    this.wakeAll();
    return true;
  }

  /** Cuts all readers: the numbers that they know no longer hold. */
  break(): void {
    if (this.broken) return;
    this.broken = true;
    this.wakeAll();
  }

  /** Adds a reader; the result removes it. The reader looks at the log by itself first. */
  attach(reader: LogReader): () => void {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  }

  private wakeAll(): void {
    for (const reader of this.readers) reader.wake();
  }
}
