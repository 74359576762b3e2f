export { type EntityKind, entityKinds, type Language, languages } from './anonymizer/entity-kinds.ts';
export { type AnalyzeOptions, Analyzer, defaultMinConfidence } from './anonymizer/analyzer.ts';
export type { ContextRule, Finding, Recognizer, Span } from './anonymizer/recognizer.ts';
export { AnswerGuard, type Leak } from './injection/answer-guard.ts';
export { InstructionIndex } from './injection/instruction-overlap.ts';
export { bytesAdded, instructionMessages, marksToMeasureBy, newMarks, outsideMessage, promptParts } from './injection/prompt-parts.ts';
export { PrivacyModule } from './privacy.module.ts';
export { TextInput } from './anonymizer/text-input.ts';
