import { z } from 'zod';
import { chatConfig } from '../modules/chat/index.ts';
import { identityConfig } from '../modules/identity/index.ts';
import { modelsConfig } from '../modules/models/index.ts';
import { plansConfig } from '../modules/plans/index.ts';
import { privacyConfig } from '../modules/privacy/index.ts';
import { type ConfigValues, defineTopic, entry } from '../platform/config/index.ts';
import { cryptoConfig } from '../platform/crypto/index.ts';
import { databaseConfig, migrationConfig } from '../platform/database/index.ts';
import { httpConfig } from '../platform/http/index.ts';
import { mailConfig } from '../platform/mail/index.ts';
import { queueConfig } from '../platform/queue/index.ts';
import { redisConfig } from '../platform/redis/index.ts';
import { telemetryConfig } from '../platform/telemetry/index.ts';

/** What the process itself is told. */
export const processConfig = defineTopic('process', 'Process', {
  role: entry(
    'PARLEY_ROLE',
    z.enum(['all', 'api', 'worker']).default('all'),
    'What this replica does: all, only serve (api), or only run jobs and take up waiting turns (worker).',
  ),
  playgroundKey: entry(
    'PARLEY_PLAYGROUND_KEY',
    z.string().regex(/^pk_/).optional(),
    'Publishable key with which the playground at / offers a demo. Without it visitors must sign in.',
  ),
  playgroundBot: entry('PARLEY_PLAYGROUND_BOT', z.string().regex(/^bot_/).optional(), 'Bot of that demo.'),
});

/** Values of the process topic. */
export type ProcessConfig = ConfigValues<typeof processConfig>;

/** Every topic that the server reads. */
export const serverTopics = [
  processConfig,
  httpConfig,
  databaseConfig,
  redisConfig,
  queueConfig,
  cryptoConfig,
  identityConfig,
  plansConfig,
  privacyConfig,
  modelsConfig,
  chatConfig,
  mailConfig,
  telemetryConfig,
];

/** Every topic there is, for `.env.example` and the docs. */
export const allTopics = [...serverTopics, migrationConfig];
