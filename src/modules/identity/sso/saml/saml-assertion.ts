import { z } from 'zod';
import { clock } from '../../../../kernel/clock.ts';

/** How far the provider's clock may be from ours, in milliseconds. */
export const clockToleranceMs = 60_000;
/** How old an assertion may be, in milliseconds. */
export const maxAgeMs = 300_000;

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
const emailFormat = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

const Text = z.object({ _: z.string().min(1).max(1_024) });
const Time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const Data = z.object({
  $: z.object({ Recipient: z.string(), NotOnOrAfter: Time, NotBefore: z.undefined().optional(), InResponseTo: z.string().optional() }),
});

/** A verified assertion as node-saml parses it, as far as it counts. One of each: of two, readers might choose differently. */
const Assertion = z.object({
  $: z.object({ ID: z.string().min(1).max(256), IssueInstant: Time }),
  Issuer: z.tuple([Text]),
  Subject: z.tuple([
    z.object({
      NameID: z.tuple([
        z.object({
          _: z.string().min(1).max(255),
          $: z.object({ Format: z.string().optional(), NameQualifier: z.string().optional() }).optional(),
        }),
      ]),
      SubjectConfirmation: z.tuple([z.object({ $: z.object({ Method: z.literal(bearer) }), SubjectConfirmationData: z.tuple([Data]) })]),
    }),
  ]),
  Conditions: z.tuple([z.object({ $: z.object({ NotOnOrAfter: Time }), AudienceRestriction: z.array(z.unknown()).min(1) })]),
  AuthnStatement: z.array(z.unknown()).min(1),
  AttributeStatement: z
    .array(
      z.object({
        Attribute: z.array(z.object({ $: z.object({ Name: z.string() }), AttributeValue: z.array(z.unknown()).optional() })).optional(),
      }),
    )
    .optional(),
});

/** What must be so of an assertion. */
export interface Expected {
  issuer: string;
  /** Where we take assertions of this provider. */
  recipient: string;
  /** The id of the request that it answers; undefined for one that nobody asked for. */
  inResponseTo: string | undefined;
}

/** Whom an assertion names. */
export interface NamedSubject {
  assertionId: string;
  subject: string;
  /** What was said to be an e-mail, not looked at yet. */
  email: unknown;
}

/** Names of attributes in which providers put the e-mail. */
const emailAttributes = new Set([
  'email',
  'mail',
  'emailaddress',
  'urn:oid:0.9.2342.19200300.100.1.3',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
]);

/**
 * Whom an assertion names whose signature, audience and times node-saml has verified; undefined when it is not from this issuer, not for this
 * recipient, not the answer to this request, too old, or not whole. `parsed` is what was signed, and nothing else.
 */
export function namedSubject(parsed: unknown, { issuer, recipient, inResponseTo }: Expected): NamedSubject | undefined {
  const read = z.object({ Assertion }).safeParse(parsed);
  if (!read.success) return undefined;
  const assertion = read.data.Assertion;
  const [{ NameID, SubjectConfirmation }] = assertion.Subject;
  const confirmed = SubjectConfirmation[0].SubjectConfirmationData[0].$;
  const now = clock.now();
  const timely =
    confirmed.NotOnOrAfter > now - clockToleranceMs &&
    assertion.$.IssueInstant > now - maxAgeMs - clockToleranceMs &&
    assertion.$.IssueInstant < now + clockToleranceMs;
  if (!timely || assertion.Issuer[0]._ !== issuer || confirmed.Recipient !== recipient || confirmed.InResponseTo !== inResponseTo)
    return undefined;
  const [{ _: name, $: { Format: format = '', NameQualifier: qualifier = '' } = {} }] = NameID;
  // Another one at each sign-in: nobody could ever come back with it.
  if (format === transient) return undefined;
  const attributes = (assertion.AttributeStatement ?? []).flatMap(({ Attribute = [] }) => Attribute);
  const found = attributes.find(({ $ }) => emailAttributes.has($.Name.toLowerCase()));
  const values = found?.AttributeValue ?? [];
  const email = found === undefined && format === emailFormat ? name : values.length === 1 ? textOf(values[0]) : undefined;
  return { assertionId: assertion.$.ID, subject: JSON.stringify([format, qualifier, name]), email };
}

function textOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && '_' in value ? value._ : value;
}
