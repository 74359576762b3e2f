import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { TenantDatabase } from '../../platform/database/index.ts';
import { onEvent } from '../../platform/events/index.ts';
import { Handles, type JobHandler } from '../../platform/queue/index.ts';
import { conversationDeleted } from '../conversations/index.ts';
import { LogStore } from './stream/log-store.ts';
import { TurnQuota } from './turn/turn-quota.ts';
import { TurnRunner } from './turn/turn-runner.ts';

/** Deletes what Redis still holds of a deleted conversation, and gives back what was reserved for turns that never began. */
export const forgetTurnLogs = onEvent(conversationDeleted, 'forget-turn-logs');

type Payload = z.output<typeof forgetTurnLogs.payload>;

/** Cuts answers that still stream here, and deletes the logs. Doing it twice changes nothing. */
@Injectable()
@Handles(forgetTurnLogs)
export class ForgetTurnLogs implements JobHandler<Payload> {
  constructor(
    private readonly store: LogStore,
    private readonly runner: TurnRunner,
    private readonly database: TenantDatabase,
    private readonly quota: TurnQuota,
  ) {}

  async handle({ tenantId, turnIds, unbegunTurnIds }: Payload): Promise<void> {
    for (const turnId of turnIds) this.runner.cut(turnId, 'lost');
    await this.store.forget(tenantId, turnIds);
    for (const turnId of unbegunTurnIds)
      await this.database.forTenant(tenantId, (tx) => this.quota.settle(tx, tenantId, turnId, { begun: false, answered: true }));
  }
}
