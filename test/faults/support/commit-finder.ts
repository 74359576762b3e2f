/** A stretch of a client's bytes. */
export interface Stretch {
  bytes: Buffer;
  /** Whether it carries a COMMIT. */
  commit: boolean;
}

/** Larger messages are passed on unread: a COMMIT is never among them. */
const largestRead = 1 << 20;
/** Codes of a first message (Postgres docs, "Message Formats"): SSLRequest, GSSENCRequest, CancelRequest, protocols 3.0 and 3.2. */
const beforeStart = new Set([80_877_103, 80_877_104]);
const starts = new Set([196_608, 196_610, 80_877_102]);
const commitText = /(?:^|;)\s*(?:commit|end)\b/i;

/**
 * Reads what a client says to Postgres and finds each COMMIT: in a simple query (`Q`), and in an extended one, where `P` names a
 * statement once and a later `B` may run it again. Any other protocol is passed on as it is.
 */
export class CommitFinder {
  private phase: 'unknown' | 'start' | 'messages' | 'foreign' = 'unknown';
  private rest: Buffer = Buffer.alloc(0);
  /** Bytes of a too large message that are still to come. */
  private unread = 0;
  private readonly committing = new Set<string>();

  /** Takes bytes as they came and gives them back in stretches, whole messages wherever it reads them. */
  take(bytes: Buffer): Stretch[] {
    if (this.phase === 'foreign') return [{ bytes, commit: false }];
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const found: Stretch[] = [];
    for (let next = this.next(); next !== undefined; next = this.next()) {
      const last = found.at(-1);
      if (last !== undefined && last.commit === next.commit) last.bytes = Buffer.concat([last.bytes, next.bytes]);
      else found.push(next);
    }
    return found;
  }

  private next(): Stretch | undefined {
    if (this.rest.length === 0) return undefined;
    if (this.unread > 0) {
      const part = this.cut(Math.min(this.unread, this.rest.length));
      this.unread -= part.length;
      return { bytes: part, commit: false };
    }
    return this.phase === 'messages' ? this.message() : this.first();
  }

  private first(): Stretch | undefined {
    // A length of 16 MiB or more is no Postgres start; HTTP and Redis begin with a letter.
    if (this.phase === 'unknown' && this.rest[0] !== 0) return this.foreign();
    if (this.rest.length < 8) return undefined;
    const length = this.rest.readUInt32BE(0);
    const code = this.rest.readUInt32BE(4);
    if (!beforeStart.has(code) && !starts.has(code)) return this.foreign();
    if (this.rest.length < length) return undefined;
    this.phase = starts.has(code) ? 'messages' : 'start';
    return { bytes: this.cut(length), commit: false };
  }

  private foreign(): Stretch {
    this.phase = 'foreign';
    return { bytes: this.cut(this.rest.length), commit: false };
  }

  private message(): Stretch | undefined {
    if (this.rest.length < 5) return undefined;
    const length = 1 + this.rest.readUInt32BE(1);
    if (length > largestRead) {
      this.unread = length;
      return this.next();
    }
    if (this.rest.length < length) return undefined;
    const bytes = this.cut(length);
    return { bytes, commit: this.commits(String.fromCharCode(bytes[0] ?? 0), bytes.subarray(5)) };
  }

  private commits(type: string, body: Buffer): boolean {
    if (type === 'Q') return commitText.test(textAt(body, 0));
    const name = textAt(body, 0);
    const second = textAt(body, Buffer.byteLength(name) + 1);
    if (type === 'P') {
      if (commitText.test(second)) this.committing.add(name);
      else this.committing.delete(name);
      return this.committing.has(name);
    }
    // A bind names its portal first, then the statement.
    return type === 'B' && this.committing.has(second);
  }

  private cut(length: number): Buffer {
    const bytes = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return bytes;
  }
}

/** The zero-terminated text at an offset. */
function textAt(body: Buffer, from: number): string {
  const end = body.indexOf(0, from);
  return body.toString('utf8', from, end === -1 ? body.length : end);
}
