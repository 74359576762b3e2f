import { z } from 'zod';

const Name = z.string().trim().min(1).max(100);
const Base64Url = z.string().max(20_000);
/** What a browser's `navigator.credentials` gave, in the JSON form of WebAuthn level 3; of what else it brings nothing is read. */
const PublicKeyCredential = z
  .looseObject({
    id: z.string().min(1).max(2_000),
    response: z.looseObject({
      clientDataJSON: Base64Url,
      attestationObject: Base64Url.optional(),
      authenticatorData: Base64Url.optional(),
      signature: Base64Url.optional(),
    }),
  })
  .meta({ id: 'PublicKeyCredential', description: 'A `PublicKeyCredential` in its JSON form (`toJSON()`).' });
/** A credential as it came: its form is checked, what it says is not. */
export type GivenPasskey = z.output<typeof PublicKeyCredential>;

/** A proof: a code of the authenticator app, a recovery code, or a passkey's signature. */
export const FactorProof = z
  .union([
    z.strictObject({ code: z.string().max(20) }),
    z.strictObject({ recovery_code: z.string().max(40) }),
    z.strictObject({ passkey: PublicKeyCredential }),
  ])
  .meta({ id: 'FactorProof' });
/** A proof, validated in its form. */
export type FactorProof = z.output<typeof FactorProof>;

/** Body of POST /v1/auth/second-factor. */
export const SecondStep = z.strictObject({ token: z.string().max(100), proof: FactorProof }).meta({ id: 'SecondStep' });
/** The second step of a sign-in, validated. */
export type SecondStep = z.output<typeof SecondStep>;

/** Body of POST /v1/auth/step-up. */
export const StepUp = z.strictObject({ proof: FactorProof }).meta({ id: 'StepUp' });
/** One more proof, validated. */
export type StepUp = z.output<typeof StepUp>;

/** Body of POST /v1/auth/second-factor/options. */
export const SecondStepToken = z.strictObject({ token: z.string().max(100) }).meta({ id: 'SecondStepToken' });

/** Body of POST /v1/auth/passkey. */
export const PasskeySignIn = z.strictObject({ passkey: PublicKeyCredential }).meta({ id: 'PasskeySignIn' });
/** A passkey alone, validated. */
export type PasskeySignIn = z.output<typeof PasskeySignIn>;

/** What a sign-in answers when a second step is needed. */
export const SecondStepDemanded = z
  .object({
    object: z.literal('second_step'),
    token: z.string().meta({ description: 'For POST /v1/auth/second-factor.' }),
    expires_in: z.int(),
    methods: z.array(z.enum(['totp', 'passkey', 'recovery_code'])),
  })
  .meta({ id: 'SecondStepDemanded' });

/** Body of POST /v1/second-factors/totp. */
export const AddTotp = z.strictObject({ name: Name.default('Authenticator') }).meta({ id: 'AddTotp' });
/** A new authenticator app, validated. */
export type AddTotp = z.output<typeof AddTotp>;

/** A secret for an authenticator app, shown this once. It counts when it was confirmed with a code. */
export const NewTotp = z
  .object({ object: z.literal('new_totp'), id: z.string(), secret: z.string(), otpauth_url: z.string() })
  .meta({ id: 'NewTotp' });

/** Body of POST /v1/second-factors/{id}/confirm. */
export const ConfirmTotp = z.strictObject({ code: z.string().max(20) }).meta({ id: 'ConfirmTotp' });

/** Body of POST /v1/second-factors/passkeys. */
export const AddPasskey = z.strictObject({ name: Name.default('Passkey'), passkey: PublicKeyCredential }).meta({ id: 'AddPasskey' });
/** A new passkey, validated in its form. */
export type AddPasskey = z.output<typeof AddPasskey>;

/** Options for `navigator.credentials.create()` and `.get()`, in their JSON form. */
export const PasskeyOptions = z.looseObject({ challenge: z.string() }).meta({ id: 'PasskeyOptions' });

/** A second factor as its owner sees it. */
export const FactorResponse = z
  .object({
    object: z.literal('second_factor'),
    id: z.string(),
    kind: z.enum(['totp', 'passkey']),
    name: z.string().nullable(),
    confirmed: z.boolean(),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'SecondFactor' });

/** Somebody's second factors. */
export const FactorList = z
  .object({ object: z.literal('list'), data: z.array(FactorResponse), recovery_codes_left: z.int() })
  .meta({ id: 'SecondFactorList' });

/** A factor that counts from now on; with recovery codes, shown this once, where it is the first. */
export const AddedFactor = z
  .object({ object: z.literal('added_second_factor'), factor: FactorResponse, recovery_codes: z.array(z.string()).nullable() })
  .meta({ id: 'AddedSecondFactor' });

/** New recovery codes, shown this once; those from before count no more. */
export const NewRecoveryCodes = z
  .object({ object: z.literal('recovery_codes'), recovery_codes: z.array(z.string()) })
  .meta({ id: 'RecoveryCodes' });

/** What a tenant demands of its members. */
export const SecurityPolicy = z
  .object({ object: z.literal('security_policy'), second_factor: z.enum(['optional', 'required']) })
  .meta({ id: 'SecurityPolicy' });
/** Body of PUT /v1/security-policy. */
export const SetSecurityPolicy = z.strictObject({ second_factor: z.enum(['optional', 'required']) }).meta({ id: 'SetSecurityPolicy' });
/** A policy, validated. */
export type SetSecurityPolicy = z.output<typeof SetSecurityPolicy>;
