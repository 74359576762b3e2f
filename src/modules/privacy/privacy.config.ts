import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../../platform/config/index.ts';
import { languages } from './anonymizer/entity-kinds.ts';
import { privacyModes } from './mode/privacy-mode.ts';

const StatementText = z.string().trim().min(1).max(200);

/** Who else looks for personal data and what happens when nobody answers; how strict tenants are; what the privacy statement says; how exports are kept. */
export const privacyConfig = defineTopic('privacy', 'Privacy', {
  presidioUrl: entry(
    'PRIVACY_PRESIDIO_URL',
    z.url({ protocol: /^https?$/ }).optional(),
    'Presidio analyzer that looks for personal data besides what is built in. It gets the texts as they are: run it as part of the installation.',
  ),
  presidioLanguages: entry(
    'PRIVACY_PRESIDIO_LANGUAGES',
    setting
      .list()
      .pipe(z.array(z.enum(languages)).min(1))
      .default(['en']),
    'Languages that it was set up for: of en, de, fr, es, it, comma-separated. Other texts are sent as the first of them.',
  ),
  presidioTimeoutMs: entry(
    'PRIVACY_PRESIDIO_TIMEOUT_MS',
    setting.int(50, 60_000).default(2_000),
    'Longest wait for its answer, in milliseconds.',
  ),
  presidioFailure: entry(
    'PRIVACY_PRESIDIO_FAILURE',
    z.enum(['closed', 'open']).default('closed'),
    'What happens to a text when it gives no answer: closed refuses it, open goes by what is built in.',
  ),
  mode: entry(
    'PRIVACY_MODE',
    z.enum(privacyModes).default('standard'),
    'Mode of tenants that have chosen none. strict: only covered providers, everything personal pseudonymised, short sessions, reads audited.',
  ),
  region: entry(
    'PRIVACY_REGION',
    StatementText.optional(),
    'Where this installation processes data, as its privacy statement says: for example EU (Frankfurt).',
  ),
  processor: entry(
    'PRIVACY_PROCESSOR',
    StatementText.optional(),
    'Who runs it, as the statement says: the processor in the sense of the GDPR.',
  ),
  processorContact: entry(
    'PRIVACY_PROCESSOR_CONTACT',
    StatementText.optional(),
    'How to reach whoever is responsible for data protection there.',
  ),
  subProcessors: entry(
    'PRIVACY_SUB_PROCESSORS',
    setting.list().default([]),
    'Others who process data for this installation besides model providers (hosting, mail, backups), as the statement says: comma-separated.',
  ),
  exportHours: entry(
    'PRIVACY_EXPORT_HOURS',
    setting.int(1, 168).default(24),
    'How long the archive of an exported person or tenant can be fetched, in hours; it is deleted then.',
  ),
  exportMaxBytes: entry(
    'PRIVACY_EXPORT_MAX_BYTES',
    setting.int(10_000, 1_099_511_627_776).default(4_294_967_296),
    'Largest archive of an export, in bytes; it lies in Postgres, encrypted, until it expires.',
  ),
});

/** Values of the privacy topic. */
export type PrivacyConfig = ConfigValues<typeof privacyConfig>;
