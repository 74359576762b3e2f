export { type EntityKind, entityKinds, type Language, languages } from './anonymizer/entity-kinds.ts';
export { type AnalyzeOptions, Analyzer, defaultMinConfidence } from './anonymizer/analyzer.ts';
export { CustomData, CustomDictionary, customLimits, CustomPattern } from './anonymizer/custom/custom-data.schemas.ts';
export { customRecognizers } from './anonymizer/custom/custom-recognizers.ts';
export { FullAnalyzer } from './anonymizer/remote/full-analyzer.ts';
export type { RemoteRecognizer } from './anonymizer/remote/remote-recognizer.ts';
export type { ContextRule, Finding, Recognizer, Span } from './anonymizer/recognizer.ts';
export { analyzeInjection, type InjectionAnalysis, type InjectionReason, type InjectionVerdict } from './injection/analyze-injection.ts';
export { type AuditFault, type EarlierHead, readHead, type Verdict, verifyAuditExport } from './audit/verify-audit-export.ts';
export { AnswerGuard, type Leak } from './injection/answer-guard.ts';
export { defaultInjectionPolicy, InjectionPolicy, judgeSend } from './injection/injection-policy.ts';
export { InstructionIndex } from './injection/instruction-overlap.ts';
export {
  bytesAdded,
  instructionMessages,
  marksToMeasureBy,
  newMarks,
  outsideMessage,
  type PromptMarks,
  promptParts,
} from './injection/prompt-parts.ts';
export { type PrivacyConfig, privacyConfig } from './privacy.config.ts';
export { PrivacyModule } from './privacy.module.ts';
export { type EffectivePolicy, effectivePolicy, type PrivacyDefault, PrivacyPolicy } from './policies/privacy-policy.ts';
export { privacyErrors } from './privacy.errors.ts';
export { placeholderSecret } from './pseudonyms/placeholders.ts';
export type { AnswerMasking } from './pseudonyms/answer-masking.ts';
export { PromptPrivacy } from './pseudonyms/prompt-privacy.ts';
export type { Pseudonyms } from './pseudonyms/pseudonyms.ts';
export { type ConsentPurpose, consentPurposes } from './consent/consent.schemas.ts';
export { Consents } from './consent/consents.service.ts';
export { heldBy, type HeldPerson, inForce, legalHold, legalHolds } from './holds/legal-holds.ts';
export { type PrivacyMode, privacyModes } from './mode/privacy-mode.ts';
export { TenantPrivacy } from './mode/tenant-privacy.ts';
export { RetentionPolicies } from './retention/retention.service.ts';
export { BotRetentionResponse, RetentionResponse } from './retention/retention.schemas.ts';
