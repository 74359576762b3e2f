import { z } from 'zod';
import { publicId } from '../../../../kernel/ids.ts';
import { pageOf } from '../../../../platform/http/index.ts';
import { Domain } from '../domain.schemas.ts';
import type { DomainRow } from './domains.repository.ts';

/** Body of "say that a domain is ours". */
export const CreateDomain = z.strictObject({ domain: Domain }).meta({ id: 'CreateDomain' });
/** A validated body. */
export type CreateDomain = z.output<typeof CreateDomain>;

/** Body of "change a domain". */
export const UpdateDomain = z
  .strictObject({
    enforced: z.boolean().meta({ description: 'Whether members with an e-mail of this domain sign in by a provider only.' }),
    break_glass_user_id: z
      .string()
      .max(64)
      .nullable()
      .optional()
      .meta({ description: 'The one owner who may go on with a password. Needed to enforce.' }),
  })
  .meta({ id: 'UpdateDomain' });
/** A validated body. */
export type UpdateDomain = z.output<typeof UpdateDomain>;

/** A domain as the API shows it. */
export const DomainResponse = z
  .object({
    object: z.literal('domain'),
    id: z.string(),
    domain: z.string(),
    status: z.enum(['pending', 'verified']),
    txt_name: z.string().meta({ description: 'Where the TXT record is looked for.' }),
    txt_value: z.string().meta({ description: 'What it says, whole.' }),
    enforced: z.boolean(),
    break_glass_user_id: z.string().nullable(),
    verified_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Domain' });

/** A list of domains. */
export const DomainPage = pageOf('DomainPage', DomainResponse);

/** Where the proof of a domain is looked for. */
export function challengeName(domain: string): string {
  return `_parley-challenge.${domain}`;
}

/** What the proof says. */
export function challengeValue(challenge: string): string {
  return `parley-domain-verification=${challenge}`;
}

/** A stored domain in its public shape. */
export function toDomainResponse(stored: DomainRow): z.input<typeof DomainResponse> {
  return {
    object: 'domain',
    id: publicId('domain', stored.id),
    domain: stored.domain,
    status: stored.verifiedAt === null ? 'pending' : 'verified',
    txt_name: challengeName(stored.domain),
    txt_value: challengeValue(stored.challenge),
    enforced: stored.enforced,
    break_glass_user_id: stored.breakGlassUserId === null ? null : publicId('user', stored.breakGlassUserId),
    verified_at: stored.verifiedAt?.toISOString() ?? null,
    created_at: stored.createdAt.toISOString(),
  };
}
