import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../../../kernel/clock.ts';
import { safeError } from '../../../../platform/telemetry/index.ts';
import { type AnalyzeOptions, type Analyzer, defaultMinConfidence } from '../analyzer.ts';
import { anonymizerErrors } from '../anonymizer.errors.ts';
import { guessLanguage } from '../language.ts';
import { withoutOverlaps } from '../overlaps.ts';
import type { Finding, Span } from '../recognizer.ts';
import type { RemoteRecognizer } from './remote-recognizer.ts';

/** Time between two lines of the log about a remote recognizer that does not answer, in milliseconds. */
const silenceMs = 60_000;

/** Everything that can find personal data: what is built in, a tenant's own, and a remote recognizer where there is one. */
export class FullAnalyzer implements OnApplicationShutdown {
  private readonly logger = new Logger(FullAnalyzer.name);
  private toldAt = Number.NEGATIVE_INFINITY;

  /** `failure`: whether a text is refused (`closed`) when the remote recognizer gives no answer, or goes by what is built in (`open`). */
  constructor(
    private readonly local: Analyzer,
    private readonly remote?: { recognizer: RemoteRecognizer; failure: 'closed' | 'open' },
  ) {}

  /** True when a text is also looked at elsewhere, so that asking takes time. */
  get asksElsewhere(): boolean {
    return this.remote !== undefined;
  }

  /**
   * Findings of all recognizers without overlaps, in the order of the text. Throws `privacy_check_unavailable` (503) when the remote one
   * gave no answer and failure is closed: what cannot be checked shall not be sent.
   */
  async analyzeAll(text: string, options: AnalyzeOptions = {}): Promise<Span[]> {
    const { remote, local } = this;
    const language = options.language ?? guessLanguage(text);
    const asked = remote !== undefined && (options.kinds?.some((kind) => remote.recognizer.kinds.has(kind)) ?? true);
    // Asked first, so that what is built in works while it does.
    const asking = asked ? remote.recognizer.find({ text, language }) : undefined;
    asking?.catch(() => undefined);
    const found = await local.analyzeInTurns(text, { ...options, language });
    if (remote === undefined || asking === undefined) return found;
    try {
      const { name } = remote.recognizer;
      const accepted = (await asking).filter((finding) => isWanted(text, finding, options));
      return withoutOverlaps(
        [...found, ...accepted.map((finding) => ({ ...finding, confidence: rounded(finding), recognizer: name }))],
        text,
      );
    } catch (error) {
      if (remote.failure === 'closed') throw anonymizerErrors.notChecked(error);
      this.tell(error);
      return found;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.remote?.recognizer.close();
  }

  private tell(error: unknown): void {
    const now = clock.now();
    if (now - this.toldAt < silenceMs) return;
    this.toldAt = now;
    this.logger.warn({ error: safeError(error) }, 'texts are checked for personal data by what is built in only');
  }
}

function rounded({ confidence }: Finding): number {
  return Math.round(confidence * 100) / 100;
}

/** Whether the options do not leave a finding out. */
function isWanted(text: string, { kind, start, end, confidence }: Finding, options: AnalyzeOptions): boolean {
  const { kinds, minConfidence = defaultMinConfidence, allow } = options;
  if (confidence < minConfidence || kinds?.includes(kind) === false) return false;
  return allow?.has(text.slice(start, end).toLowerCase()) !== true;
}
