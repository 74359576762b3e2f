import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../../platform/config/index.ts';

/** Which models there are and how patient we are with them. */
export const modelsConfig = defineTopic('models', 'Models', {
  apiKey: entry('OPENAI_API_KEY', z.string().min(1).default('none'), 'Key for the model provider.', { secret: true }),
  baseUrl: entry(
    'OPENAI_BASE_URL',
    z.url({ protocol: /^https?$/ }).default('https://api.openai.com/v1'),
    'Base URL of an OpenAI-compatible API (OpenAI, vLLM, Ollama, a gateway).',
  ),
  azureEndpoint: entry(
    'AZURE_OPENAI_ENDPOINT',
    z.url({ protocol: /^https?$/ }).optional(),
    'Azure OpenAI resource; when set it is used instead of OPENAI_BASE_URL, and a model is a deployment.',
  ),
  azureApiKey: entry('AZURE_OPENAI_API_KEY', z.string().min(1).optional(), 'Key for Azure OpenAI.', { secret: true }),
  azureApiVersion: entry('OPENAI_API_VERSION', z.string().default('2024-10-21'), 'API version for Azure OpenAI.'),
  providerCovered: entry(
    'MODEL_PROVIDER_COVERED',
    setting.bool().default(false),
    'Whether an agreement covers what the provider of OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT is given (a BAA, for example): tenants in strict privacy mode reach no other ones.',
  ),
  defaultModel: entry('MODEL_DEFAULT', z.string().min(1).default('gpt-4.1-mini'), 'Model of bots that name none.'),
  continues: entry(
    'MODEL_CONTINUES',
    setting.list().optional(),
    "Models whose server goes on from a given text, as vLLM's continue_final_message does: names, comma-separated; * for all, none for none. Unset: those that the catalog knows.",
  ),
  contextTokens: entry(
    'MODEL_CONTEXT_TOKENS',
    setting.int(512, 10_000_000).default(16_384),
    'Context window that is assumed for a model that the catalog does not know, in tokens.',
  ),
  maxOutputTokens: entry(
    'MODEL_MAX_OUTPUT_TOKENS',
    setting.int(1, 1_000_000).default(1_024),
    'Longest answer of bots that set none, in tokens.',
  ),
  idleTimeoutMs: entry(
    'MODEL_IDLE_TIMEOUT_MS',
    setting.int(100, 600_000).default(30_000),
    'Longest silence between two pieces of an answer, in milliseconds.',
  ),
  headersTimeoutMs: entry(
    'MODEL_HEADERS_TIMEOUT_MS',
    setting.int(100, 600_000).default(60_000),
    "Longest wait for a provider's first byte, in milliseconds.",
  ),
  maxCalls: entry('MODEL_MAX_CALLS', setting.int(1, 10).default(3), 'Provider calls per attempt of a turn at most, retries included.'),
  retryRatio: entry(
    'MODEL_RETRY_RATIO',
    z.coerce.number().min(0).max(1).default(0.2),
    'Calls of a target that may be repetitions, as a part of its first calls within ten seconds, per replica.',
  ),
  retriesPerSecond: entry(
    'MODEL_RETRIES_PER_SECOND',
    z.coerce.number().min(0).max(1_000).default(3),
    'Repetitions a second that a target bears besides, per replica: for where there are few calls.',
  ),
  allowPrivateUrls: entry(
    'MODEL_ALLOW_PRIVATE_URLS',
    setting.bool().default(false),
    'Whether base URLs that tenants give may lead to private, loopback and link-local addresses, and be http.',
  ),
  retryAfterCapMs: entry(
    'MODEL_RETRY_AFTER_CAP_MS',
    setting.int(0, 300_000).default(10_000),
    'Longest Retry-After that is waited for, in milliseconds; a longer one fails the call.',
  ),
});

/** Values of the models topic. */
export type ModelsConfig = ConfigValues<typeof modelsConfig>;
