import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AppError } from '../../../kernel/app-error.ts';
import { newSecret } from '../../../kernel/ids.ts';
import { type Role, roles } from '../../../kernel/permissions.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { row, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { AttemptLimits } from '../attempts/attempt-limits.ts';
import { identityErrors } from '../identity.errors.ts';
import type { SessionOwner } from '../sessions/sessions.service.ts';
import { memberOnly } from '../sessions/signed-in.service.ts';
import { FactorProofs } from './factor-proofs.ts';
import { ProofRequests } from './proof-requests.ts';
import type { FactorProof, GivenPasskey } from './second-factor.schemas.ts';
import { Strengthening } from './strengthening.ts';

/** How long a sign-in waits for its second step, in seconds. */
const waitSeconds = 300;

const Waiting = z.object({ tenantId: z.uuid(), userId: z.uuid(), role: z.enum(roles) });

/** The second step of signing in, and one more proof within a session. Tries are limited per member, as those at a password are. */
@Injectable()
export class SecondStep {
  constructor(
    private readonly redis: RedisConnections,
    private readonly hash: KeyedHash,
    private readonly proofs: FactorProofs,
    private readonly requests: ProofRequests,
    private readonly limits: AttemptLimits,
    private readonly strengthening: Strengthening,
    private readonly database: TenantDatabase,
  ) {}

  /** Has a sign-in wait for its second step; undefined for a member who has no second factor in this tenant. */
  async demand(owner: SessionOwner) {
    const kinds = new Set((await this.proofs.of(owner)).map(({ kind }) => kind));
    if (kinds.size === 0) return undefined;
    const token = newSecret(32);
    const { tenantId, userId, role } = owner;
    await this.redis.commands.set(this.keyOf(token), JSON.stringify({ tenantId, userId, role }), 'EX', waitSeconds);
    return { object: 'second_step' as const, token, expires_in: waitSeconds, methods: [...kinds, 'recovery_code' as const] };
  }

  /** What a browser needs to have a passkey sign for the second step. Throws 401 `second_step_expired`. */
  async options(token: string) {
    return this.requests.toProve(await this.waiting(token));
  }

  /** Whose second step this was, and with what. The token counts until then. Throws 401 `second_step_expired`, `second_factor_refused`, 429. */
  async take(token: string, proof: FactorProof, address: string): Promise<{ owner: SessionOwner; amr: string[] }> {
    const owner = await this.waiting(token);
    const limited = this.limitOf(owner);
    await this.limits.signIn(address, limited);
    const amr = await this.proofs.judge(owner, proof, this.requests.purposeOf(owner));
    // Of two that come at once with a proof each, one has the session.
    if ((await this.redis.commands.del(this.keyOf(token))) === 0) throw identityErrors.secondStepExpired();
    await this.limits.signedIn(address, limited);
    return { owner, amr };
  }

  /** Whose passkey has signed in by itself. Throws 401 `second_factor_refused`, 429. */
  async alone(passkey: GivenPasskey, address: string): Promise<{ owner: SessionOwner; amr: string[] }> {
    await this.limits.signIn(address, this.hash.of('second-step', 'alone', passkey.id));
    const { tenantId, userId, amr } = await this.proofs.judgeAlone(passkey);
    const member = await this.database.forTenant(tenantId, (tx) => roleOf(tx, tenantId, userId));
    if (member === undefined) throw identityErrors.factorRefused(401);
    return { owner: { tenantId, userId, role: member }, amr };
  }

  /** What a browser needs to have a passkey sign once more. */
  stepUpOptions(caller: Principal) {
    return this.requests.toProve(memberOnly(caller));
  }

  /** Takes one more proof within a session, which counts for dangerous acts for a while. Throws 422 `second_factor_refused`, 429. */
  async stepUp(caller: Principal, proof: FactorProof, address: string): Promise<void> {
    const member = memberOnly(caller);
    await this.limits.signIn(address, this.limitOf(member));
    const amr = await this.proofs.judge(member, proof, this.requests.purposeOf(member)).catch(unprocessable);
    await this.database.forTenant(member.tenantId, async (tx) => {
      const object = { kind: 'session', id: member.sessionId } as const;
      auditTrail.record(tx, member.tenantId, { actor: actorOf(caller), action: 'session.step_up', object });
    });
    await this.strengthening.strengthen(member, amr);
  }

  private async waiting(token: string): Promise<SessionOwner> {
    const kept = await this.redis.commands.get(this.keyOf(token));
    if (kept === null) throw identityErrors.secondStepExpired();
    return Waiting.parse(JSON.parse(kept));
  }

  private keyOf(token: string): string {
    return redisKeys.secondStep('sign-in', this.hash.of('second-step', 'sign-in', token).toString('hex'));
  }

  private limitOf({ tenantId, userId }: { tenantId: string; userId: string }): Buffer {
    return this.hash.of('second-step', 'tries', tenantId, userId);
  }
}

async function roleOf(tx: Transaction, tenantId: string, userId: string): Promise<Role | undefined> {
  return (await row<{ role: Role }>(tx, 'SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]))?.role;
}

/** Their session counts; what they sent does not. */
function unprocessable(error: unknown): never {
  throw error instanceof AppError && error.code === 'second_factor_refused' ? identityErrors.factorRefused(422) : error;
}
