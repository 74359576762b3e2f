/** Choices that are the same each time: a corpus is made anew rather than kept. */
export class Chance {
  private state: number;

  /** `seed`: any whole number. */
  constructor(seed: number) {
    this.state = seed;
  }

  /** A whole number from 0 to below `below` (mulberry32). */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  /** One of a list that is not empty. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** One sign of a text that is not empty. */
  sign(signs: string): string {
    return signs.charAt(this.below(signs.length));
  }

  /** So many digits. */
  digits(count: number): string {
    return Array.from({ length: count }, () => this.below(10)).join('');
  }

  /** The form with each `#` as a digit, and each `N` as one from 2 to 9. */
  like(form: string): string {
    return form.replaceAll(/[#N]/g, (sign) => String(sign === '#' ? this.below(10) : 2 + this.below(8)));
  }
}
