import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { clock, currentDate } from '../../../kernel/clock.ts';
import { newSecret, newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorId, actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { CannotDecrypt, defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { Mailer } from '../../../platform/mail/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { normalisedEmail } from '../sign-in/email.ts';
import { memberInvited } from './invitations.events.ts';
import type { CreateInvitation } from './members.schemas.ts';
import { type InvitationRow, MembersRepository } from './members.repository.ts';
import { requireRank } from './members.service.ts';

/** How long an invitation is open, in milliseconds. */
const openMs = 7 * 86_400_000;

const Content = z.object({ email: z.string(), token: z.string() });
/** What an invitation holds in its seal. */
export type InvitationContent = z.output<typeof Content>;

/** Who has been asked to become a member. */
@Injectable()
export class Invitations {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: MembersRepository,
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
    private readonly outbox: Outbox,
    private readonly mailer: Mailer,
  ) {}

  /** Invites somebody by e-mail; without a mail server the answer has the token. Throws 403 beyond one's own role. */
  async create(caller: Principal, { email, role }: CreateInvitation) {
    const { tenantId } = caller;
    requireRank(caller, role);
    const [id, token] = [newUuid(), newSecret(32)];
    const actor = actorOf(caller);
    const content: InvitationContent = { email: normalisedEmail(email), token };
    const draft = {
      id,
      role,
      tokenHash: this.hash.of('invitation', token),
      content: seal(await this.keyRing.tenantKey(tenantId), placeOf(tenantId, id), JSON.stringify(content)),
      invitedBy: actorId(actor) ?? '',
      expiresAt: new Date(clock.now() + openMs),
    };
    await this.database.forTenant(tenantId, async (tx) => {
      await this.repository.insertInvitation(tx, tenantId, draft);
      if (this.mailer.enabled) await this.outbox.publish(tx, memberInvited, { tenantId, invitationId: id });
      const detail = { role, invitation: publicId('invitation', id) };
      auditTrail.record(tx, tenantId, { actor, action: 'member.invite', detail });
    });
    const shown = present({ ...draft, createdAt: currentDate() }, content.email);
    return { ...shown, token: this.mailer.enabled ? null : token };
  }

  /** A page of open invitations, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : invitationUuid(query.after);
    const found = await this.database.forTenant(tenantId, (tx) =>
      this.repository.invitations(tx, tenantId, currentDate(), query.limit + 1, after),
    );
    const shown = await Promise.all(found.map(async (each) => present(each, (await this.contentOf(tenantId, each))?.email ?? null)));
    return toPage(shown, query.limit, (invitation) => invitation);
  }

  /** Takes an invitation back. Throws 404. */
  async revoke(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = invitationUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      const found = await this.repository.lockInvitation(tx, tenantId, uuid, currentDate());
      if (found === undefined) throw identityErrors.invitationNotFound();
      requireRank(caller, found.role);
      await this.repository.deleteInvitation(tx, tenantId, uuid);
      const detail = { invitation: publicId('invitation', uuid), revoked: true };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.invite', detail });
    });
  }

  /** What an open invitation says: for the mail, and for who comes with its token. Undefined when there is none (any more). */
  async open(tenantId: string, id: string): Promise<InvitationContent | undefined> {
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.lockInvitation(tx, tenantId, id, currentDate()));
    return found === undefined ? undefined : this.contentOf(tenantId, found);
  }

  /** Whether a token is that of the content, in constant time. */
  static isTokenOf({ token }: InvitationContent, given: string): boolean {
    const [left, right] = [Buffer.from(token), Buffer.from(given)];
    return left.length === right.length && timingSafeEqual(left, right);
  }

  private async contentOf(tenantId: string, { id, content }: InvitationRow): Promise<InvitationContent | undefined> {
    try {
      return Content.parse(JSON.parse((await this.keyRing.open(placeOf(tenantId, id), content)).toString()));
    } catch (error) {
      if (error instanceof CannotDecrypt) return undefined;
      throw error;
    }
  }
}

defineSealedTable({ table: 'invitations', columns: ['content'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'invitations', column: 'content', rowId };
}

function present({ id, role, invitedBy, createdAt, expiresAt }: Omit<InvitationRow, 'content'>, email: string | null) {
  return {
    object: 'invitation' as const,
    id: publicId('invitation', id),
    email,
    role,
    invited_by: invitedBy,
    created_at: createdAt.toISOString(),
    expires_at: expiresAt.toISOString(),
  };
}

function invitationUuid(id: string): string {
  const uuid = uuidOf('invitation', id);
  if (uuid === undefined) throw identityErrors.invitationNotFound();
  return uuid;
}
