import type { ServerResponse } from 'node:http';
import type { Pacer } from './pacer.ts';

/** Writes a body, whole or in drips of a few bytes (which may part a character), and tells when to wait for the reader. */
export class BodyWriter {
  readonly #res: ServerResponse;
  readonly #pacer: Pacer;
  readonly #dripBytes: number;
  #dripping: Buffer = Buffer.alloc(0);
  #pumping = false;
  /** Called after `write` gave false, when more may be written. */
  onReady: () => void = () => {};

  constructor(res: ServerResponse, pacer: Pacer, dripBytes = 0) {
    this.#res = res;
    this.#pacer = pacer;
    this.#dripBytes = dripBytes;
  }

  /** Gives true when more may be written at once. */
  write(text: string): boolean {
    if (text === '') return true;
    if (this.#dripBytes === 0) {
      if (this.#res.write(text)) return true;
      this.#res.once('drain', () => this.onReady());
      return false;
    }
    this.#dripping = Buffer.concat([this.#dripping, Buffer.from(text)]);
    if (!this.#pumping) {
      this.#pumping = true;
      this.#pump();
    }
    return false;
  }

  /** Calls back when everything written has left this process. A reader that is gone is never waited for. */
  whenFlushed(then: () => void): void {
    const look = () => {
      if (this.#res.destroyed) return;
      if (this.#dripping.length === 0 && this.#res.writableLength === 0) then();
      else this.#pacer.after(2, look);
    };
    setImmediate(look);
  }

  /** Ends the body after what was written. */
  end(): void {
    if (this.#dripBytes === 0) this.#res.end();
    else this.whenFlushed(() => this.#res.end());
  }

  #pump(): void {
    if (this.#res.destroyed) return;
    const piece = this.#dripping.subarray(0, this.#dripBytes);
    this.#dripping = this.#dripping.subarray(this.#dripBytes);
    const more = this.#res.write(piece);
    const next = () => {
      if (this.#dripping.length > 0) return this.#pump();
      this.#pumping = false;
      this.onReady();
    };
    // One piece for each turn of the event loop, so that pieces are not joined on their way.
    if (more) setImmediate(next);
    else this.#res.once('drain', next);
  }
}
