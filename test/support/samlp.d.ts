declare module 'samlp' {
  interface SamlpOptions {
    issuer: string;
    cert: string;
    key: string;
    audience?: string;
    recipient?: string;
    destination?: string;
    inResponseTo?: string;
    lifetimeInSeconds?: number;
    signAssertion?: boolean;
    signResponse?: boolean;
    signatureAlgorithm?: string;
    digestAlgorithm?: string;
    nameIdentifierFormat?: string;
    encryptionCert?: string;
    encryptionPublicKey?: string;
    encryptionAlgorithm?: string;
  }
  interface SamlpUser {
    id: string;
    emails: { value: string }[];
    displayName: string;
    name: { givenName: string; familyName: string };
  }
  const samlp: {
    getSamlResponse: (options: SamlpOptions, user: SamlpUser, done: (error: Error | null, response: string) => void) => void;
  };
  export default samlp;
}
