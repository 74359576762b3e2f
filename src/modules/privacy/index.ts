export { type EntityKind, entityKinds, type Language, languages } from './anonymizer/entity-kinds.ts';
export type { Recognizer, RecognizerInput, Span } from './anonymizer/recognizer.ts';
export { PrivacyModule } from './privacy.module.ts';
