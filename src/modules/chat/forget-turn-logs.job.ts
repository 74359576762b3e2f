import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { onEvent } from '../../platform/events/index.ts';
import { Handles, type JobHandler } from '../../platform/queue/index.ts';
import { conversationDeleted } from '../conversations/index.ts';
import { LogStore } from './stream/log-store.ts';
import { TurnRunner } from './turn/turn-runner.ts';

/** Deletes what Redis still holds of a deleted conversation. */
export const forgetTurnLogs = onEvent(conversationDeleted, 'forget-turn-logs');

type Payload = z.output<typeof forgetTurnLogs.payload>;

/** Cuts answers that still stream here, and deletes the logs. Doing it twice changes nothing. */
@Injectable()
@Handles(forgetTurnLogs)
export class ForgetTurnLogs implements JobHandler<Payload> {
  constructor(
    private readonly store: LogStore,
    private readonly runner: TurnRunner,
  ) {}

  async handle({ tenantId, turnIds }: Payload): Promise<void> {
    for (const turnId of turnIds) this.runner.cut(turnId, 'lost');
    await this.store.forget(tenantId, turnIds);
  }
}
