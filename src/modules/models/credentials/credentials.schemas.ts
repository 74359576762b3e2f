import { z } from 'zod';
import { pageOf } from '../../../platform/http/index.ts';
import { providerKinds } from '../routing/target.ts';

/** A base URL: no user, no query, no fragment. */
export const BaseUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { username, password, search, hash } = new URL(text);
    return username === '' && password === '' && search === '' && hash === '';
  }, 'must have no user, query or fragment');

/** A secret that fits into a header. */
export const Secret = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters');

const own = {
  name: z.string().trim().min(1).max(100),
  kind: z.enum(providerKinds),
  base_url: BaseUrl.nullable(),
  api_version: z
    .string()
    .regex(/^[0-9A-Za-z.-]{1,40}$/)
    .nullable(),
};

const Covered = z.boolean().meta({
  description:
    'Whether an agreement of yours covers what this provider is given (a BAA, for example). In strict privacy mode no other ones are called.',
});

const SkipTest = z.boolean().meta({ description: 'Save without trying the credential at its provider first.' });

/** Body of "add a credential". */
export const CreateCredential = z
  .strictObject({
    name: own.name,
    kind: own.kind,
    base_url: own.base_url.default(null),
    api_version: own.api_version.default(null),
    secret: Secret,
    covered: Covered.default(false),
    skip_test: SkipTest.default(false),
  })
  .meta({ id: 'CreateModelCredential' });
/** A new credential, validated. */
export type CreateCredential = z.output<typeof CreateCredential>;

/** Body of "change a credential": absent keeps. */
export const UpdateCredential = z
  .strictObject({
    name: own.name.optional(),
    kind: own.kind.optional(),
    base_url: own.base_url.optional(),
    api_version: own.api_version.optional(),
    secret: Secret.optional(),
    covered: Covered.optional(),
    skip_test: SkipTest.optional(),
  })
  .meta({ id: 'UpdateModelCredential' });
/** A change of a credential, validated. */
export type UpdateCredential = z.output<typeof UpdateCredential>;

/** A credential as the API shows it: never its secret. */
export const CredentialResponse = z
  .object({
    object: z.literal('model_credential'),
    id: z.string(),
    ...own,
    covered: Covered,
    hint: z.string().meta({ description: 'The last characters of the secret.' }),
    check: z
      .object({
        result: z.string().meta({ description: '`ok`, `skipped`, or what failed: `timeout`, `unreachable`, `server_error`, …' }),
        at: z.iso.datetime().nullable(),
      })
      .meta({ description: 'How the trial went when the secret was saved.' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'ModelCredential' });

/** A list of credentials. */
export const CredentialPage = pageOf('ModelCredentialList', CredentialResponse);
