import { z } from 'zod';
import { Name } from '../../name.schemas.ts';
import { certificateOf } from './saml-keys.ts';

/** A provider's certificate, as PEM. */
export const Certificate = z
  .string()
  .max(10_000)
  .transform((text, context) => {
    const certificate = certificateOf(text);
    if (certificate !== undefined) return certificate;
    context.addIssue('must be an X.509 certificate of an RSA key of 2048 bits or more, as PEM');
    return z.NEVER;
  });

/** What can be changed of how a SAML provider is spoken to. */
export const samlFields = {
  entry_point: z
    .url({ protocol: /^https?$/ })
    .max(1_000)
    .meta({ description: 'Where it takes requests by the Redirect binding.' }),
  certificates: z.array(Certificate).min(1).max(5).meta({ description: 'With which it signs, PEM; several while it changes them.' }),
  idp_initiated: z.boolean().meta({
    description: 'Whether it may send somebody who has not begun here. Then anybody can be signed in to an account that is not theirs.',
  }),
};

/** Body of "connect a SAML provider". */
export const CreateSamlProvider = z
  .strictObject({
    name: Name,
    entity_id: z.string().regex(/^[\x21-\x7e]{1,500}$/, 'must be printable ASCII'),
    ...samlFields,
    idp_initiated: samlFields.idp_initiated.default(false),
    join_role: z
      .enum(['admin', 'developer', 'viewer'])
      .nullable()
      .default(null)
      .meta({ description: 'Role of who comes for the first time and is no member; null = nobody joins by signing in.' }),
    enabled: z.boolean().default(true),
  })
  .meta({ id: 'CreateSamlProvider' });
/** A validated body. */
export type CreateSamlProvider = z.output<typeof CreateSamlProvider>;
