import { z } from 'zod';
import { pageOf } from '../../../platform/http/index.ts';

/** Name of a route: what a bot's `model` says. */
export const RouteName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'must begin with a letter or digit, then letters, digits and . _ : / -');

const ModelName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters');

/** What every target says besides its credential. */
export const targetShape = {
  model: ModelName.meta({ description: "The model's name in the catalog." }),
  provider_model: ModelName.nullable().meta({ description: "The provider's name of it (Azure: the deployment); null = the same." }),
  continues: z.boolean().nullable().meta({ description: 'Whether calls can go on from a given text; null = what the catalog says.' }),
  tier: z.int().min(0).max(100).meta({ description: 'Lower tiers are asked first.' }),
  weight: z.int().min(1).max(1_000).meta({ description: 'Its share within the tier.' }),
};

/** A target as it is given; what may be left out has its usual value. */
export const targetInput = {
  model: targetShape.model,
  provider_model: targetShape.provider_model.default(null),
  continues: targetShape.continues.default(null),
  tier: targetShape.tier.default(0),
  weight: targetShape.weight.default(1),
};

const CredentialId = z
  .string()
  .max(100)
  .nullable()
  .meta({ description: 'A credential of yours; null = the provider that this installation is set up with.' });

/** A target of a route, as it is given. */
export const TargetInput = z.strictObject({ credential_id: CredentialId.default(null), ...targetInput }).meta({ id: 'ModelTargetInput' });

const targetsOf = <S extends z.ZodType>(target: S) => z.array(target).min(1).max(16);

/** Body of "create a route". */
export const CreateRoute = z
  .strictObject({ name: RouteName, after_content_filter: z.boolean().default(false), targets: targetsOf(TargetInput) })
  .meta({ id: 'CreateModelRoute' });
/** A new route, validated. */
export type CreateRoute = z.output<typeof CreateRoute>;

/** Body of "change a route": absent keeps; targets are replaced as a whole. */
export const UpdateRoute = z
  .strictObject({
    name: RouteName.optional(),
    after_content_filter: z.boolean().optional(),
    targets: targetsOf(TargetInput).optional(),
  })
  .meta({ id: 'UpdateModelRoute' });
/** A change of a route, validated. */
export type UpdateRoute = z.output<typeof UpdateRoute>;

/** A route as the API shows it. */
export const RouteResponse = z
  .object({
    object: z.literal('model_route'),
    id: z.string(),
    name: z.string(),
    after_content_filter: z.boolean().meta({ description: 'Whether another target may answer what the filter of one has refused.' }),
    targets: z.array(z.object({ credential_id: z.string().nullable(), ...targetShape })),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'ModelRoute' });

/** A list of routes. */
export const RoutePage = pageOf('ModelRouteList', RouteResponse);

/** A route of the platform as operators write it: credentials by their names. */
export const PlatformRoute = z.strictObject({
  after_content_filter: z.boolean().default(false),
  targets: targetsOf(z.strictObject({ credential: z.string().min(1).max(100).nullable().default(null), ...targetInput })),
});
/** A route of the platform, validated. */
export type PlatformRoute = z.output<typeof PlatformRoute>;
