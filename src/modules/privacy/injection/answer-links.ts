import { CodeFences } from './code-fences.ts';
import { isAllowedHost, plainUrl, targetOf } from './link-target.ts';
import { angle, destination, labelEnd } from './markdown-spans.ts';

/** Longest piece of code within a line that is looked for, in characters. */
const longestCode = 400;
/** Labels within labels that are looked at. */
const mostNested = 3;
const special = /[\\`!\][<\n\r]/g;

/** What to do with the place that the filter has come to: text to give, and how much was read. `more`: wait for what comes. */
type Step = { give: string; read: number } | 'more';

/**
 * An answer in Markdown that comes in pieces, such that showing it sends nothing anywhere: pictures of hosts that are not allowed become words, links
 * say where they lead, what could carry data becomes code that nobody follows by accident, HTML that loads or hides becomes text, and definitions of references
 * define nothing. Code stays as it is. Holds back at most what may be one link: some 2,400 characters.
 */
export class AnswerLinks {
  private pending = '';
  private atLineStart = true;
  /** True while the line has only marks of lists and quotations. */
  private beginning = true;
  private inCode = false;
  /** True from a bracket that begins a line to the end of its paragraph. */
  private definable = false;

  /** `hosts`: whose pictures are shown, and who may be linked to with data; `*.example.com` are all below it. */
  constructor(
    private readonly hosts: readonly string[],
    private readonly fences = new CodeFences(),
    private readonly nested = 0,
  ) {}

  /** Takes a piece; gives what may be shown. */
  push(piece: string): string {
    if (this.pending === '' && !this.atLineStart && !this.inCode && piece.search(special) === -1) {
      this.passed(piece);
      return piece;
    }
    this.pending += piece;
    return this.work(false);
  }

  /** The text is over; gives what was held back. */
  end(): string {
    return this.work(true);
  }

  /** Goes on after a text that was shown. */
  resume(shown: string): void {
    this.push(shown);
    this.passed(this.pending);
    this.atLineStart = /[\n\r]$/.test(shown);
    this.pending = '';
  }

  private work(final: boolean): string {
    let given = '';
    let at = 0;
    while (at < this.pending.length) {
      const step = this.step(at, final);
      if (step === 'more') break;
      this.passed(this.pending.slice(at, at + step.read));
      given += step.give;
      at += step.read;
    }
    this.pending = this.pending.slice(at);
    return given;
  }

  private step(at: number, final: boolean): Step {
    const { pending } = this;
    if (this.atLineStart) {
      const end = lineEnd(pending, at);
      const kind = this.fences.look(pending.slice(at, end === -1 ? undefined : end), final || end !== -1);
      if (kind === 'undecided') return 'more';
      this.atLineStart = false;
      this.inCode = kind === 'code';
      if (kind === 'opens' || kind === 'closes') {
        this.atLineStart = end !== -1;
        return asItIs(pending, at, end === -1 ? pending.length : end + 1);
      }
    }
    if (this.inCode) {
      const end = lineEnd(pending, at);
      return asItIs(pending, at, end === -1 ? pending.length : end + 1);
    }
    special.lastIndex = at;
    const next = special.exec(pending)?.index ?? pending.length;
    if (next > at) return asItIs(pending, at, next);
    const character = pending[at];
    if (character === '`') return this.code(at, final);
    if (character === '\\') return this.escape(at, final);
    if (character === '!') return this.picture(at, final);
    if (character === '[') return this.link(at, final);
    if (character === ']') return this.bracket(at, final);
    if (character === '<') return this.angle(at, final);
    return asItIs(pending, at, at + 1);
  }

  private escape(at: number, final: boolean): Step {
    const next = this.pending[at + 1];
    if (next === undefined) return final ? asItIs(this.pending, at, at + 1) : 'more';
    return asItIs(this.pending, at, /[\n\r`<]/.test(next) && next !== '`' ? at + 1 : at + 2);
  }

  /** Code within a line stays when its end is seen; in a table it may end with its cell, so not with a bar in it. */
  private code(at: number, final: boolean): Step {
    const { pending } = this;
    const run = /^`+/.exec(pending.slice(at, at + longestCode))?.[0] ?? '`';
    if (!this.fences.trusted || run.length === longestCode) return asItIs(pending, at, at + run.length);
    if (at + run.length === pending.length && !final) return 'more';
    const window = pending.slice(at + run.length, at + run.length + longestCode);
    const stop = lineEnd(window, 0);
    const line = stop === -1 ? window : window.slice(0, stop);
    const close = new RegExp(`(?<!\`)${run}(?!\`)`).exec(line);
    if (close !== null && (close.index + run.length < window.length || final || stop !== -1)) {
      const end = at + 2 * run.length + close.index;
      return /[|]/.test(line.slice(0, close.index)) ? asItIs(pending, at, at + run.length) : asItIs(pending, at, end);
    }
    if (!final && stop === -1 && window.length < longestCode) return 'more';
    return asItIs(pending, at, at + run.length);
  }

  private picture(at: number, final: boolean): Step {
    const { pending } = this;
    if (pending[at + 1] === undefined) return final ? asItIs(pending, at, at + 1) : 'more';
    if (pending[at + 1] !== '[') return asItIs(pending, at, at + 1);
    const inert: Step = { give: '!\\[', read: 2 };
    const closed = labelEnd(pending, at + 1);
    if (closed === 'more') return final ? inert : 'more';
    if (closed === 'none') return inert;
    if (pending[closed] === undefined) return final ? inert : 'more';
    if (pending[closed] !== '(') return inert;
    const found = destination(pending, closed);
    if (found === 'more') return final ? inert : 'more';
    if (found === 'none') return inert;
    const target = targetOf(found.written);
    const alt = words(pending.slice(at + 2, closed - 1));
    const allowed = target.kind === 'web' && target.url.protocol === 'https:' && isAllowedHost(target.url.hostname, this.hosts);
    if (allowed) return { give: `![${alt}](${plainUrl(target.url)})`, read: found.end - at };
    const from = target.kind === 'web' ? target.url.hostname : target.kind === 'own' ? '' : words(found.written.slice(0, 24));
    return { give: `(${['🖼', alt, from].filter((part) => part !== '').join(' ')})`, read: found.end - at };
  }

  private link(at: number, final: boolean): Step {
    const { pending } = this;
    if (this.beginning) this.definable = true;
    const open = asItIs(pending, at, at + 1);
    const closed = labelEnd(pending, at);
    if (closed === 'more') return final ? open : 'more';
    if (closed === 'none') return open;
    const next = pending[closed];
    if (next === undefined) return final ? open : 'more';
    if (next !== '(') return open;
    const found = destination(pending, closed);
    if (found === 'more') return final ? open : 'more';
    if (found === 'none' || this.nested >= mostNested) return open;
    const target = targetOf(found.written);
    const label = new AnswerLinks(this.hosts, this.fences, this.nested + 1).within(pending.slice(at + 1, closed - 1));
    return { give: shownLink(label, target, found.written, this.hosts), read: found.end - at };
  }

  /**
   * The end of a label that nobody has looked at: a space makes sure that it is none. A label that began a line could be a definition, which
   * gives links and pictures elsewhere their destination.
   */
  private bracket(at: number, final: boolean): Step {
    const next = this.pending[at + 1];
    if (next === undefined && !final) return 'more';
    if (next === ':' && this.definable) return { give: ']\\:', read: 2 };
    return next === '(' ? { give: '] (', read: 2 } : asItIs(this.pending, at, at + 1);
  }

  private angle(at: number, final: boolean): Step {
    const found = angle(this.pending, at);
    if (found === 'more') return final ? { give: this.pending.length > at + 1 ? '&lt;' : '<', read: 1 } : 'more';
    if (found === 'none') return asItIs(this.pending, at, at + 1);
    if (found.kind === 'active') return { give: '&lt;', read: 1 };
    // Raw HTML that begins a line goes on over what looks like code.
    if (found.kind === 'tag' && this.beginning) this.fences.distrust();
    return asItIs(this.pending, at, found.end);
  }

  /** The text of a label, which stands within a line. */
  private within(label: string): string {
    this.atLineStart = false;
    this.beginning = false;
    return this.push(label) + this.end();
  }

  private passed(text: string): void {
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
    if (end !== -1) {
      if (/[\n\r][ \t]*[\n\r]$/.test(text.slice(0, end + 1)) || (this.atLineStart && text.slice(0, end).trim() === ''))
        this.definable = false;
      this.atLineStart = true;
      this.beginning = true;
    }
    const rest = end === -1 ? text : text.slice(end + 1);
    if (rest !== '') {
      this.atLineStart = false;
      this.beginning &&= /^[ \t>*+\-\d.)]*$/.test(rest);
    }
  }
}

function shownLink(label: string, target: ReturnType<typeof targetOf>, written: string, hosts: readonly string[]): string {
  if (target.kind === 'own') return `[${label}](${/^[\w./#?=&%@:+-]*$/.test(written) ? written : ''})`;
  if (target.kind === 'other') return `${label} (\`${words(written).slice(0, 80)}\`)`;
  const { url, data } = target;
  if (data && !isAllowedHost(url.hostname, hosts)) return `${label} (\`${plainUrl(url)}\`)`;
  const said = label.toLowerCase().includes(url.hostname);
  return `[${label}${said ? '' : ` (${url.hostname})`}](${plainUrl(url)})`;
}

function asItIs(text: string, from: number, to: number): { give: string; read: number } {
  return { give: text.slice(from, to), read: to - from };
}

/** Words without anything that Markdown or HTML would read. */
function words(text: string): string {
  return text
    .replace(/[[\]()<>!`\\*_~|&\s]+/g, ' ')
    .trim()
    .slice(0, 200);
}

function lineEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) if (text[at] === '\n' || text[at] === '\r') return at;
  return -1;
}
