/** Longest line that is looked at whole before it is taken as text, in characters. */
const longestFence = 200;

/** What the beginning of a line is. `undecided`: more of it must come. */
export type LineKind = 'opens' | 'closes' | 'code' | 'text' | 'undecided';

/**
 * Where fenced code begins and ends, as CommonMark has it, line by line. Inside lists and quotations, and after raw HTML, others may see the end of
 * code elsewhere than we do: from there on nothing is taken for code any more, so that everything is looked at.
 */
export class CodeFences {
  /** False once nothing is taken for code any more. */
  trusted = true;
  private fence: { mark: string; length: number; indent: number } | undefined;

  /** Takes no more code for code. */
  distrust(): void {
    this.trusted = false;
    this.fence = undefined;
  }

  /** What a line is that begins with `line`; `whole` when nothing of it is to come. */
  look(line: string, whole: boolean): LineKind {
    if (!this.trusted) return 'text';
    const { fence } = this;
    if (fence === undefined) return this.opening(line, whole);
    const closing = new RegExp(`^ {0,3}\\${fence.mark}{${fence.length},}[ \\t]*$`);
    if (closing.test(line)) {
      if (!whole) return line.length > longestFence ? this.unsure() : 'undecided';
      this.fence = undefined;
      return 'closes';
    }
    if (!whole && line.length <= longestFence && new RegExp(`^ {0,3}\\${fence.mark}*[ \\t]*$`).test(line)) return 'undecided';
    // Where the fence is indented, a line that is not may have ended the list that it stands in, and the code with it.
    const indent = line.length - line.trimStart().length;
    if (indent < fence.indent && line.trim() !== '') return this.unsure();
    return 'code';
  }

  private opening(line: string, whole: boolean): LineKind {
    const start = /^([ \t>*+\-\d.)]*)([`~]*)/.exec(line);
    const [found = '', before = '', run = ''] = start ?? [];
    const ended = whole || found.length < line.length;
    if (!ended) return line.length > longestFence ? 'text' : 'undecided';
    if (!/^(?:`{3,}|~{3,})/.test(run)) return 'text';
    // In a quotation, behind the mark of a list or deep in one: who knows where it ends.
    if (!/^ {0,3}$/.test(before)) return this.unsure();
    const mark = run[0] as string;
    const length = run.length - run.replace(mark === '`' ? /^`+/ : /^~+/, '').length;
    if (mark === '`' && line.slice(before.length + length).includes('`')) return 'text';
    if (!whole) return line.length > longestFence ? this.unsure() : 'undecided';
    this.fence = { mark, length, indent: before.length };
    return 'opens';
  }

  private unsure(): 'text' {
    this.distrust();
    return 'text';
  }
}
