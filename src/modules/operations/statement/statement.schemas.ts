import { z } from 'zod';
import { RetentionResponse } from '../../privacy/index.ts';

/** How a tenant's data is processed. */
export const StatementResponse = z
  .object({
    object: z.literal('privacy_statement'),
    made_at: z.iso.datetime(),
    region: z.string().nullable().meta({ description: 'Where the installation processes data; null = its operator has not said.' }),
    processor: z.string().nullable(),
    processor_contact: z.string().nullable(),
    sub_processors: z.array(z.string()),
    model_providers: z
      .array(
        z.object({
          kind: z.string(),
          owner: z.enum(['environment', 'platform', 'tenant']).meta({ description: 'Whose credential it is called with.' }),
          host: z.string(),
          covered: z.boolean().meta({ description: 'Whether its owner says that an agreement covers what it is given.' }),
          called: z.boolean().meta({ description: 'False where the privacy mode keeps it from being called.' }),
          routes: z.array(z.string()).meta({ description: 'Names of routes that lead there; `*` = any model name that is no route.' }),
        }),
      )
      .meta({ description: 'Every provider that a bot of the tenant can name.' }),
    mode: z.enum(['standard', 'strict']),
    answer_cache: z.boolean(),
    third_party_analytics: z.boolean(),
    retention: RetentionResponse,
    encryption: z.object({
      content: z.string(),
      keys: z.string(),
      erasure: z.string(),
    }),
  })
  .meta({ id: 'PrivacyStatement' });
