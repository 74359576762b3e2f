import type { EntityKind, Language } from '../entity-kinds.ts';
import type { Finding } from '../recognizer.ts';

/** What a remote recognizer may know. */
export interface RemoteInput {
  text: string;
  language: Language;
}

/**
 * Finds personal data in one text by asking another process. Unlike a `Recognizer` it takes time and may fail; its findings are the same:
 * UTF-16 offsets within the text, confidences from 0 to 1, overlaps allowed.
 */
export interface RemoteRecognizer {
  /** Unique, as it is shown with what it found. */
  readonly name: string;
  /** Kinds that it can find; asked for nothing else it need not be called. */
  readonly kinds: ReadonlySet<EntityKind>;
  /** Throws when it gave no answer in time, or one that does not fit the text. */
  find(input: RemoteInput): Promise<Finding[]>;
  /** Lets go of its connections. */
  close(): Promise<void>;
}
