import { type EntityKind, type Language } from './entity-kinds.ts';
import { inContext } from './context.ts';
import { guessLanguage } from './language.ts';
import { withoutOverlaps } from './overlaps.ts';
import type { Recognizer, Span } from './recognizer.ts';
import { builtInRecognizers } from './recognizers.ts';
import { TextInput } from './text-input.ts';
import { charactersAtOnce, TurnTaking } from './turn-taking.ts';

/** What to look for, and how sure to be. */
export interface AnalyzeOptions {
  /** Guessed where it is absent. */
  language?: Language;
  /** Kinds to find; all where absent. What is left out hides nothing: an e-mail in a URL is found when URLs are not asked for. */
  kinds?: readonly EntityKind[];
  /** Findings below it are left out; 0 to 1. */
  minConfidence?: number;
  /** Recognizers of the tenant's own, besides those that are built in. */
  custom?: readonly Recognizer[];
  /** Texts that are no personal data here, whatever they look like; compared without regard to case. */
  allow?: ReadonlySet<string>;
}

/** Findings below this confidence are left out unless the caller says otherwise. */
export const defaultMinConfidence = 0.4;

/** Characters that neighbouring pieces of a long text share: more than the longest thing that is found has (a private key of 16,384) with its margins. */
const shared = 17_408;
/** What is found this near to a cut may be a half, or lack its context; the neighbour has it whole. In characters. */
const margin = 128;

/** Finds personal data in texts. Holds nothing of them. */
export class Analyzer {
  private readonly recognizers: readonly Recognizer[];

  /** `recognizers`: in place of those that are built in. */
  constructor(recognizers: readonly Recognizer[] = builtInRecognizers) {
    this.recognizers = recognizers;
  }

  /** Findings without overlaps, in the order of the text. Linear in its length. */
  analyze(text: string, options: AnalyzeOptions = {}): Span[] {
    const { minConfidence = defaultMinConfidence, custom = [], allow } = options;
    const kinds = options.kinds === undefined ? undefined : new Set(options.kinds);
    const input = new TextInput(text, options.language ?? guessLanguage(text));
    const spans: Span[] = [];
    for (const recognizer of [...this.recognizers, ...custom]) {
      if (kinds !== undefined && !recognizer.kinds.some((kind) => kinds.has(kind))) continue;
      for (const found of recognizer.find(input)) {
        if (kinds !== undefined && !kinds.has(found.kind)) continue;
        const { kind, start, end, confidence } = inContext(text, found, recognizer.context);
        if (confidence < minConfidence || allow?.has(text.slice(start, end).toLowerCase()) === true) continue;
        spans.push({ kind, start, end, confidence: Math.round(confidence * 100) / 100, recognizer: recognizer.name });
      }
    }
    return withoutOverlaps(spans, text);
  }

  /** The same of a text of any length, piece by piece, between which others have their turn. */
  async analyzeInTurns(text: string, options: AnalyzeOptions = {}): Promise<Span[]> {
    if (text.length <= charactersAtOnce) return this.analyze(text, options);
    const language = options.language ?? guessLanguage(text);
    const turns = new TurnTaking();
    const spans: Span[] = [];
    for (let from = 0; from + shared < text.length; from += charactersAtOnce - shared) {
      const piece = text.slice(from, from + charactersAtOnce);
      const last = from + piece.length === text.length;
      for (const span of this.analyze(piece, { ...options, language })) {
        const cut = (from > 0 && span.start < margin) || (!last && span.end > piece.length - margin);
        if (!cut) spans.push({ ...span, start: span.start + from, end: span.end + from });
      }
      await turns.after(charactersAtOnce);
    }
    return withoutOverlaps(spans, text);
  }
}
