import { AnswerLinks } from './answer-links.ts';
import { CanaryWatch } from './canary-watch.ts';
import { type InstructionIndex, OverlapWatch } from './instruction-overlap.ts';

/** What an answer is guarded against. */
export interface GuardOptions {
  /** The mark of the instructions; undefined where there are none. */
  canary?: string;
  /** The instructions, where a long repetition of them is withheld. */
  instructions?: InstructionIndex;
  /** Hosts whose pictures are shown. */
  hosts: readonly string[];
}

/** Which watch found that the instructions leave. */
export type Leak = 'canary' | 'overlap';

/**
 * Stands between a model and the readers of its answer: what it shows neither tells the bot's instructions nor sends anything anywhere. Takes text in
 * pieces and holds back a bounded number of characters. After a leak it gives nothing more.
 */
export class AnswerGuard {
  private canary: CanaryWatch | undefined;
  private overlap: OverlapWatch | undefined;
  private links: AnswerLinks;

  constructor(private readonly options: GuardOptions) {
    this.links = new AnswerLinks(options.hosts);
    this.begin();
  }

  /** How the instructions were about to leave; undefined while they are not. */
  get leak(): Leak | undefined {
    if (this.canary?.found === true) return 'canary';
    return this.overlap?.found === true ? 'overlap' : undefined;
  }

  /** Takes a piece of the model's text; gives what may be shown. */
  push(piece: string): string {
    if (this.leak !== undefined) return '';
    const unmarked = this.canary?.push(piece) ?? piece;
    const own = this.overlap?.push(unmarked) ?? unmarked;
    return this.links.push(own);
  }

  /** The model has said all; gives what was held back. */
  end(): string {
    if (this.leak !== undefined) return '';
    const unmarked = this.canary?.end() ?? '';
    const own = (this.overlap?.push(unmarked) ?? unmarked) + (this.overlap?.end() ?? '');
    return this.leak === undefined ? this.links.push(own) + this.links.end() : '';
  }

  /** A call begins, which goes on after what readers have been shown: what was held back before is said again. */
  resume(shown: string): void {
    this.links = new AnswerLinks(this.options.hosts);
    this.begin();
    if (shown === '') return;
    this.overlap?.push(shown);
    this.links.resume(shown);
  }

  private begin(): void {
    const { canary, instructions } = this.options;
    this.canary = canary === undefined ? undefined : new CanaryWatch(canary);
    this.overlap = instructions === undefined ? undefined : new OverlapWatch(instructions);
  }
}
