export {
  ModelError,
  type ModelFailure,
  type ModelMessage,
  type ModelResult,
  type ModelUsage,
  type Price,
  type Skill,
  skills,
} from './model-provider.ts';
export { ModelSettings, SettingRefused } from './model-settings.ts';
export { type ModelsConfig, modelsConfig } from './models.config.ts';
export { ModelsModule } from './models.module.ts';
export { Models, type ReachableProvider } from './models.service.ts';
export type { RouteView } from './routes/route-resolver.ts';
export { bytesPerMessage, inputBound } from './routing/answer-bounds.ts';
export type { AnswerRequest, EndedCall, ModelListener, PlannedCall } from './routing/answer-listener.ts';
export { type ProviderKind, providerKinds } from './routing/target.ts';
export { countTokens, tokensPerMessage } from './tokens.ts';
