import { Injectable } from '@nestjs/common';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { metrics } from '../../../platform/telemetry/index.ts';
import { conversationErrors, ConversationsRepository } from '../../conversations/index.ts';
import { conversationName, type Party } from './send-request.ts';
import type { TurnRef } from './turn.ts';
import { TurnDoor } from './turn-door.ts';
import { TurnQuota } from './turn-quota.ts';
import { promoteNext, requestStop } from './turn-lifecycle.ts';
import { newestTurn } from './turn-rows.ts';
import { TurnRunner } from './turn-runner.ts';

/** Finds the turns of a visitor's conversation, and stops them. */
@Injectable()
export class FindTurn {
  constructor(
    private readonly database: TenantDatabase,
    private readonly hash: KeyedHash,
    private readonly conversations: ConversationsRepository,
    private readonly runner: TurnRunner,
    private readonly quota: TurnQuota,
    private readonly door: TurnDoor,
  ) {}

  /**
   * The turn that was asked for last; undefined when the conversation has none (or the client's own id names none yet).
   * Throws 404 for a `conv_…` that is not this visitor's.
   */
  async newest(party: Party, conversation: string): Promise<TurnRef | undefined> {
    const { tenantId, visitorId } = party;
    const name = conversationName(this.hash, party, conversation);
    return this.database.forTenant(tenantId, async (tx) => {
      const found = await this.conversations.find(tx, tenantId, party, name);
      if (found === undefined && name.kind === 'id') throw conversationErrors.notFound();
      const turn = found === undefined ? undefined : await newestTurn(tx, tenantId, found.id);
      return turn === undefined ? undefined : { tenantId, turnId: turn.id, conversationId: turn.conversationId, visitorId };
    });
  }

  /** Stops a turn wherever it runs. Stopping one that has ended changes nothing. */
  async stop({ tenantId, turnId, conversationId, visitorId }: TurnRef): Promise<void> {
    const state = await this.database.forTenant(tenantId, async (tx) => {
      const stopped = await requestStop(tx, tenantId, { id: turnId, conversationId });
      if (stopped?.state === 'stopped') {
        await promoteNext(tx, tenantId, conversationId);
        await this.quota.settle(tx, tenantId, turnId, { begun: stopped.begun, answered: false });
      }
      return stopped?.state;
    });
    if (state === 'running') this.runner.hurryStop(tenantId, turnId);
    else if (state !== undefined) {
      this.door.leave({ tenantId, visitorId, turnId });
      metrics.turnsFinished.inc({ state: 'stopped' });
      this.runner.lookForWork();
    }
  }
}
