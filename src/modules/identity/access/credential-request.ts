/** What our strategies look at: the credential alone, so that HTTP requests and socket upgrades are the same to them. */
export interface CredentialRequest {
  credential: string;
}
