import { z } from 'zod';
import { publicId } from '../../../kernel/ids.ts';
import { permissions } from '../../../kernel/permissions.ts';
import { pageOf } from '../../../platform/http/index.ts';
import { Name } from '../name.schemas.ts';
import type { ApiKeyRow } from './api-keys.repository.ts';

const Scopes = z.array(z.enum(permissions)).max(permissions.length);

/** Body of POST /v1/api-keys. Unknown fields are refused: a mistyped `scopes` must not make a mightier key. */
export const CreateApiKey = z
  .strictObject({
    name: Name,
    kind: z.enum(['secret', 'publishable']).default('secret'),
    mode: z.enum(['live', 'test']).default('live'),
    scopes: Scopes.min(1).optional(),
    bot_id: z.string().max(64).optional(),
    expires_at: z.iso.datetime({ offset: true }).optional(),
  })
  .refine((body) => body.kind === 'secret' || body.scopes === undefined, {
    path: ['scopes'],
    message: 'a publishable key has fixed scopes',
  })
  .refine((body) => body.kind === 'publishable' || body.bot_id === undefined, {
    path: ['bot_id'],
    message: 'only a publishable key belongs to a bot',
  })
  .meta({ id: 'CreateApiKey' });

/** A validated body of POST /v1/api-keys. */
export type CreateApiKey = z.output<typeof CreateApiKey>;

/** Body of POST /v1/api-keys/{id}/roll. */
export const RollApiKey = z
  .strictObject({ overlap_seconds: z.int().min(0).max(604_800).default(3_600) })
  .prefault({})
  .meta({ id: 'RollApiKey' });

/** A validated body of POST /v1/api-keys/{id}/roll. */
export type RollApiKey = z.output<typeof RollApiKey>;

const fields = {
  object: z.literal('api_key'),
  id: z.string(),
  name: z.string(),
  kind: z.enum(['secret', 'publishable']),
  mode: z.enum(['live', 'test']),
  hint: z.string(),
  scopes: z.array(z.string()),
  bot_id: z.string().nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable(),
  successor_id: z.string().nullable(),
};

/** An API key as it is shown; never the key itself. */
export const ApiKeyResponse = z.object(fields).meta({ id: 'ApiKey' });

/** An API key as it is shown once, with the key. */
export const NewApiKeyResponse = z.object({ ...fields, key: z.string() }).meta({ id: 'NewApiKey' });

/** One page of API keys. */
export const ApiKeyPage = pageOf('ApiKeyPage', ApiKeyResponse);

/** A stored key in its public shape. */
export function toApiKeyResponse(row: ApiKeyRow): z.input<typeof ApiKeyResponse> {
  return {
    object: 'api_key',
    id: publicId('apiKey', row.id),
    name: row.name,
    kind: row.kind,
    mode: row.mode,
    hint: row.hint,
    scopes: row.scopes,
    bot_id: row.botId === null ? null : publicId('bot', row.botId),
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    successor_id: row.successorId === null ? null : publicId('apiKey', row.successorId),
  };
}
