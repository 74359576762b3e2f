export { ModelError, type ModelFailure, type ModelMessage, type ModelResult, type ModelUsage } from './model-provider.ts';
export { type ModelsConfig, modelsConfig } from './models.config.ts';
export { ModelsModule } from './models.module.ts';
export { bytesPerMessage, type EndedCall, inputBound, type ModelListener, Models, type PlannedCall } from './models.service.ts';
export { countTokens, tokensPerMessage } from './tokens.ts';
