import { publicId } from '../../../../kernel/ids.ts';

/** The addresses that stand for us at one SAML provider. */
export interface SamlUrls {
  /** Our name there, which is also where our metadata is. */
  entityId: string;
  /** Where its assertions go (assertion consumer service). */
  acsUrl: string;
  /** Where a browser that brought one goes on, in a request of our own site. */
  landUrl: string;
}

/** One set for each provider, so that what is said to one of us is said to no other. */
export function samlUrls(publicUrl: string, providerId: string): SamlUrls {
  const base = `${publicUrl}/v1/auth/sso/saml/${publicId('identityProvider', providerId)}`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs`, landUrl: `${base}/land` };
}
