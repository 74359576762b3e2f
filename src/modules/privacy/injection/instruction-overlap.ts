/** Letters and digits of instructions that an answer may repeat in one go, whatever their length: some 120 words, more than any quotation that serves a reader. */
const mostRepeated = 600;
/** Less than this is nothing of its own, however short the instructions are. */
const leastLeak = 120;
/** Part of short instructions that is as good as the whole. */
const wholePart = 0.8;
/** Letters and digits that fit before anything is held back. */
const unheld = 48;
/** Letters and digits that may come between two pieces of the same repetition: numbers of a list, a word that was changed. */
const maxBreak = 40;
/** Characters that are held back at most. */
const mostHeld = 4_000;
const gram = 16;
const stride = 8;
/** Letters that are looked back at: a stretch, and what a break may have before it is one. */
const tailLength = gram + maxBreak + stride;
const letter = /[\p{L}\p{N}]/u;

/** The letters and digits of instructions, and where stretches of them stand. Made once for a version of a bot. */
export class InstructionIndex {
  readonly letters: string;
  /** Letters and digits that are a leak, repeated in one go. */
  readonly limit: number;
  private readonly places = new Map<string, number[]>();

  constructor(instructions: string) {
    this.letters = lettersOf(instructions);
    this.limit = Math.min(mostRepeated, Math.max(leastLeak, Math.floor(this.letters.length * wholePart)));
    for (let at = 0; at + gram <= this.letters.length; at += stride) {
      const name = this.letters.slice(at, at + gram);
      const known = this.places.get(name);
      if (known === undefined) this.places.set(name, [at]);
      else if (known.length < 4) known.push(at);
    }
  }

  /** True when instructions are so short that nothing of them can be told from common talk. */
  get isShort(): boolean {
    return this.letters.length < this.limit;
  }

  /** Where a stretch of 16 letters and digits stands. */
  find(stretch: string): readonly number[] {
    return this.places.get(stretch) ?? [];
  }
}

/**
 * Watches an answer that comes in pieces for a long verbatim repetition of instructions. Case, spaces, punctuation and marks of lists do not matter, and a
 * word that was changed breaks nothing off. Once a repetition is longer than a sentence it is held back until it ends or is a leak; then nothing
 * more is given.
 */
export class OverlapWatch {
  /** True when too much was repeated. */
  found = false;
  private held = '';
  private tail = '';
  /** Place of the next letter where the text goes on as the instructions do; -1 where it does not. */
  private next = -1;
  private fitting = 0;
  private broken = 0;

  constructor(private readonly index: InstructionIndex) {}

  /** Takes a piece; gives what may be shown. */
  push(piece: string): string {
    if (this.found) return '';
    if (this.index.isShort) return piece;
    let shown = '';
    for (const character of piece) {
      if (letter.test(character)) for (const small of character.toLowerCase()) this.take(small);
      if (this.found) return shown;
      if (this.fitting < unheld || this.held.length >= mostHeld) {
        shown += this.held + character;
        this.held = '';
      } else this.held += character;
    }
    return shown;
  }

  /** The text is over; gives what was held back. */
  end(): string {
    const { held } = this;
    this.held = '';
    return this.found ? '' : held;
  }

  private take(small: string): void {
    const { letters, limit } = this.index;
    this.tail = (this.tail + small).slice(-tailLength);
    if (this.next >= 0 && letters[this.next] === small) {
      this.next += 1;
      this.fitting += 1;
      this.broken = 0;
    } else {
      this.next = -1;
      this.broken += 1;
      const gained = this.look();
      if (gained > 0) {
        this.fitting += gained;
        this.broken = 0;
      } else if (this.broken > maxBreak) this.fitting = 0;
    }
    if (this.fitting >= limit) {
      this.found = true;
      this.held = '';
    }
  }

  /** Looks for the place where the last letters stand; gives how many of those that did not fit before fit there. */
  private look(): number {
    if (this.tail.length < gram) return 0;
    let best = 0;
    for (const at of this.index.find(this.tail.slice(-gram))) {
      let length = gram;
      while (length < this.broken && this.index.letters[at + gram - 1 - length] === this.tail.at(-1 - length)) length += 1;
      if (length <= best) continue;
      best = length;
      this.next = at + gram;
    }
    return Math.min(best, this.broken);
  }
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
