/** Most characters that may stand between two characters of a mark: with more nobody reads it as one. */
const maxGap = 8;

/**
 * Watches a text that comes in pieces for a mark, also in other case, in full-width letters, and with other characters between its own. What may be the
 * beginning of one is held back: at most the mark's length times nine characters. From the mark on nothing is given.
 */
export class CanaryWatch {
  /** True when the mark was found. */
  found = false;
  private readonly fallback: number[];
  private readonly plain: RegExp;
  private held = '';
  /** Where each character that fits so far stands in `held`. */
  private offsets: number[] = [];
  private gap = 0;

  /** `mark`: small letters and digits. */
  constructor(private readonly mark: string) {
    this.fallback = borders(mark);
    // A text without the first letter, and without letters that may stand for it, needs no look at each of its characters.
    this.plain = new RegExp(`^[^${mark[0] ?? ''}\\u{80}-\\u{10ffff}]*$`, 'iu');
  }

  /** Takes a piece; gives what may be shown. */
  push(piece: string): string {
    if (this.found) return '';
    if (this.held === '' && this.plain.test(piece)) return piece;
    let shown = '';
    for (const character of piece) {
      shown += this.take(character);
      if (this.found) return shown;
    }
    return shown;
  }

  /** The text is over; gives what was held back. */
  end(): string {
    const { held } = this;
    this.held = '';
    this.offsets = [];
    return this.found ? '' : held;
  }

  private take(character: string): string {
    const small = (character <= '\x7f' ? character : character.normalize('NFKC')).toLowerCase();
    if (!/^[a-z0-9]$/.test(small)) {
      if (this.offsets.length === 0) return character;
      this.gap += 1;
      this.held += character;
      return this.gap > maxGap ? this.release(0) : '';
    }
    let fits = this.offsets.length;
    while (fits > 0 && this.mark[fits] !== small) fits = this.fallback[fits - 1] ?? 0;
    this.gap = 0;
    if (this.mark[fits] !== small) {
      this.held += character;
      return this.release(0);
    }
    const shown = fits < this.offsets.length ? this.release(fits) : '';
    this.offsets.push(this.held.length);
    this.held += character;
    if (this.offsets.length === this.mark.length) {
      this.found = true;
      this.held = '';
    }
    return shown;
  }

  /** Gives what is held before the last `keep` characters that fit. */
  private release(keep: number): string {
    const from = keep === 0 ? this.held.length : (this.offsets[this.offsets.length - keep] ?? this.held.length);
    const shown = this.held.slice(0, from);
    this.held = this.held.slice(from);
    this.offsets = keep === 0 ? [] : this.offsets.slice(-keep).map((offset) => offset - from);
    if (keep === 0) this.gap = 0;
    return shown;
  }
}

/** For each length, the longest beginning of the mark that also ends it there (Knuth, Morris, Pratt). */
function borders(mark: string): number[] {
  const found = [0];
  let fits = 0;
  for (let at = 1; at < mark.length; at += 1) {
    while (fits > 0 && mark[at] !== mark[fits]) fits = found[fits - 1] ?? 0;
    if (mark[at] === mark[fits]) fits += 1;
    found.push(fits);
  }
  return found;
}
