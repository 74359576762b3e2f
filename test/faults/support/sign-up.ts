import { signUpCustomer } from '../../support/sign-up.ts';
import type { Tenant } from '../clients/conversations.ts';
import { uuidOfPublic } from './public-id.ts';

/** Signs up a tenant whose words are marked with this letter. */
export async function signUp(url: string, letter: string): Promise<Tenant> {
  // The default bound of an answer is far above all that are asked for here: an end by length is a finding.
  const { tenantId, apiKey, botId } = await signUpCustomer(url, `Tenant ${letter}`);
  return { letter, uuid: uuidOfPublic(tenantId), apiKey, botId };
}
