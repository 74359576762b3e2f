import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../../../kernel/ids.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../../platform/database/index.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { OAuthRequest } from '../oauth-request.ts';
import { isClientSecretShaped } from './client-secret.ts';
import { type OAuthClientRow, OAuthClientsRepository } from './oauth-clients.repository.ts';
import { secretHashOf } from './oauth-clients.service.ts';

/** Client credentials in a form (client_secret_post). */
export interface ClientForm {
  client_id?: string | undefined;
  client_secret?: string | undefined;
}

/** A client that has proven who it is; a public one has only said so. */
export interface ProvenClient extends OAuthClientRow {
  tenantId: string;
}

/** Proves which client calls (RFC 6749 section 2.3). */
@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: OAuthClientsRepository,
    private readonly hash: KeyedHash,
    private readonly limits: AttemptLimits,
  ) {}

  /**
   * The client of a request. Throws 400 when it proves itself in two ways at once, 401 `invalid_client` in the same words for whatever is wrong, 429 for too
   * many from one address, or of one client once it is proven: nobody can use up what is another's.
   */
  async prove(request: OAuthRequest, form: ClientForm): Promise<ProvenClient> {
    await this.limits.oauthAddress(request.address);
    const { id, secret } = credentialsOf(request, form);
    const clientId = uuidOf('oauthClient', id);
    if (clientId === undefined || (secret !== undefined && !isClientSecretShaped(secret))) throw oauthErrors.invalidClient();
    const tenantId = await this.system.run('credential-lookup', (tx) => this.repository.locate(tx, clientId));
    if (tenantId === undefined) throw oauthErrors.invalidClient();
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.findForProof(tx, tenantId, clientId));
    if (found === undefined) throw oauthErrors.invalidClient();
    const { secretHash, ...client } = found;
    if ((secretHash === null) !== (secret === undefined)) throw oauthErrors.invalidClient();
    // Anybody can name a public client: a limit on it would let anybody use it up.
    if (secretHash === null || secret === undefined) return { ...client, tenantId };
    if (!timingSafeEqual(secretHashOf(this.hash, tenantId, clientId, secret), secretHash)) throw oauthErrors.invalidClient();
    await this.limits.oauthClient(clientId);
    return { ...client, tenantId };
  }
}

function credentialsOf({ basic }: OAuthRequest, form: ClientForm): { id: string; secret: string | undefined } {
  if (basic === undefined) {
    if (form.client_id === undefined) throw oauthErrors.invalidClient();
    return { id: form.client_id, secret: form.client_secret };
  }
  if (form.client_secret !== undefined || (form.client_id !== undefined && form.client_id !== basic.id))
    throw oauthErrors.invalidRequest('A client proves itself in one way.');
  return basic;
}
