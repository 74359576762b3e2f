import pg from 'pg';

/** What a statement is called with: what `pg` takes as parameters. */
export type Values = readonly unknown[];

/** What a module-level buffer begins with and may keep, in bytes. Statements that need more get more for as long as they need it. */
const usualSize = 16_384;
const largestKept = 262_144;

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (this: void, value: unknown) => string | Buffer | null } }).utils;

/**
 * Writes the messages of one round trip in the extended protocol (Postgres docs, "Message Formats") into one piece of memory,
 * so that they leave in one write: `pg` makes four buffers for each statement, and a system call gathers them.
 */
export class StatementEncoder {
  private bytes = Buffer.allocUnsafe(usualSize);
  private at = 0;

  /** Begins anew. */
  begin(): void {
    if (this.bytes.length > largestKept) this.bytes = Buffer.allocUnsafe(usualSize);
    this.at = 0;
  }

  /** Parses a statement under a name; '' is forgotten with the next one. */
  parse(name: string, sql: string): void {
    const start = this.message(0x50);
    this.text(name);
    this.text(sql);
    this.int16(0);
    this.end(start);
  }

  /** Forgets a named statement; one that does not exist is no error. */
  close(name: string): void {
    const start = this.message(0x43);
    this.room(1);
    this.bytes[this.at++] = 0x53;
    this.text(name);
    this.end(start);
  }

  /** Binds values to a statement, in the unnamed portal. All results are text. Throws for a value that has no text. */
  bind(name: string, values: Values): void {
    const start = this.message(0x42);
    this.text('');
    this.text(name);
    this.int16(values.length);
    this.room(values.length * 2);
    const formats = this.at;
    this.at += values.length * 2;
    this.int16(values.length);
    for (let place = 0; place < values.length; place += 1) {
      const value = prepareValue(values[place]);
      const binary = this.value(value);
      this.bytes[formats + 2 * place] = 0;
      this.bytes[formats + 2 * place + 1] = binary ? 1 : 0;
    }
    this.int16(0);
    this.end(start);
  }

  /** Asks what columns the portal gives. */
  describe(): void {
    const start = this.message(0x44);
    this.room(1);
    this.bytes[this.at++] = 0x50;
    this.text('');
    this.end(start);
  }

  /** Runs the portal. */
  execute(): void {
    const start = this.message(0x45);
    this.text('');
    this.int32(0);
    this.end(start);
  }

  /** Ends the trip: Postgres answers all of it at once. Gives everything since `begin`. */
  sync(): Buffer {
    this.end(this.message(0x53));
    // A copy: the next trip is written while this one waits for the socket.
    return Buffer.from(this.bytes.subarray(0, this.at));
  }

  /** A value after its length; true when it is binary. */
  private value(value: string | Buffer | null): boolean {
    if (value === null) {
      this.int32(-1);
      return false;
    }
    if (typeof value === 'string') {
      // Three bytes a code unit at most: the length is written when it is known.
      this.room(4 + value.length * 3);
      const written = this.bytes.write(value, this.at + 4);
      this.int32(written);
      this.at += written;
      return false;
    }
    this.room(4 + value.length);
    this.int32(value.length);
    value.copy(this.bytes, this.at);
    this.at += value.length;
    return true;
  }

  private message(code: number): number {
    this.room(5);
    this.bytes[this.at] = code;
    this.at += 5;
    return this.at - 4;
  }

  private end(start: number): void {
    this.bytes.writeInt32BE(this.at - start, start);
  }

  private text(text: string): void {
    this.room(text.length * 3 + 1);
    this.at += this.bytes.write(text, this.at);
    this.bytes[this.at++] = 0;
  }

  private int16(value: number): void {
    this.room(2);
    this.at = this.bytes.writeInt16BE(value, this.at);
  }

  private int32(value: number): void {
    this.room(4);
    this.at = this.bytes.writeInt32BE(value, this.at);
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + bytes));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}
