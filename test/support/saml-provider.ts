import samlp from 'samlp';
import { generate } from 'selfsigned';

/** A SAML identity provider that answers what it is told to. */
export interface SamlProvider {
  entityId: string;
  certificate: string;
  /** A response for somebody, as XML; `more` is what samlp takes. */
  respond: (person: { id: string; email: string }, more: Partial<SamlpOptions>) => Promise<string>;
}

type SamlpOptions = Parameters<typeof samlp.getSamlResponse>[0];

/** Makes an identity provider out of `samlp`, with a key of its own. */
export async function samlProvider(entityId: string): Promise<SamlProvider> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'IdP' }], { keySize: 2048, algorithm: 'sha256' });
  return {
    entityId,
    certificate: cert,
    respond: ({ id, email }, more) =>
      new Promise((resolve, reject) => {
        const options: SamlpOptions = {
          issuer: entityId,
          cert,
          key,
          signatureAlgorithm: 'rsa-sha256',
          digestAlgorithm: 'sha256',
          lifetimeInSeconds: 300,
          nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
          ...more,
        };
        const user = { id, emails: [{ value: email }], displayName: id, name: { givenName: 'A', familyName: 'B' } };
        samlp.getSamlResponse(options, user, (error, response) => (error === null ? resolve(response) : reject(error)));
      }),
  };
}
