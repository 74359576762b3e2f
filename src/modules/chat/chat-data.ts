import { Injectable } from '@nestjs/common';
import { rows, TenantDatabase } from '../../platform/database/index.ts';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  type HeldTable,
  HeldTables,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../platform/personal-data/index.ts';
import { redisKeys, RedisConnections } from '../../platform/redis/index.ts';
import { LogStore } from './stream/log-store.ts';
import { TurnRunner } from './turn/turn-runner.ts';

const theirs = 't.conversation_id = ANY(ARRAY(SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.visitor_id = $2))';

const turns: HeldTable = {
  table: 'turns',
  file: 'turns',
  of: { visitor: theirs, tenant: 'true' },
  ids: { id: 'turn', conversation_id: 'conversation', bot_id: 'bot', visitor_id: 'visitor' },
  columns: ['state', 'model', 'input_tokens', 'output_tokens', 'finish_reason', 'created_at', 'started_at', 'finished_at'],
  sealed: { request: 'json' },
};

/** Turns that are looked up at a time. */
const batchRows = 500;
const lowestId = '00000000-0000-0000-0000-000000000000';

/**
 * Turns: what runs is stopped wherever it runs, and what Redis and memory hold of it goes. The rows themselves go with their
 * conversations, which tells this module of them once more.
 */
@Injectable()
@HoldsPersonalData({ rank: 8, tables: { turns: 'person', turn_queues: 'tenant', turn_queue_clocks: 'platform' } })
export class ChatData implements PersonalDataHolder {
  constructor(
    private readonly held: HeldTables,
    private readonly database: TenantDatabase,
    private readonly redis: RedisConnections,
    private readonly logs: LogStore,
    private readonly runner: TurnRunner,
  ) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [turns]);
  }

  async erase(subject: DataSubject): Promise<ErasedRows> {
    const { tenantId, kind, id } = subject;
    if (kind === 'user') return {};
    for (let after: string | undefined = lowestId; after !== undefined;) {
      const found = await this.turnsAfter(subject, after);
      for (const turn of found) if (!turn.finished) this.runner.hurryStop(tenantId, turn.id);
      const ids = found.map((turn) => turn.id);
      await this.logs.forget(tenantId, ids);
      if (ids.length > 0) {
        await this.redis.commands.del(...ids.map((turnId) => redisKeys.turnCallers(tenantId, turnId)));
        await this.redis.commands.zrem(redisKeys.tenantTurns(tenantId), ...ids);
      }
      after = found.length < batchRows ? undefined : ids.at(-1);
    }
    if (kind === 'visitor') await this.redis.commands.del(redisKeys.visitorSockets(tenantId, id));
    return {};
  }

  private turnsAfter({ tenantId, kind, id }: DataSubject, after: string): Promise<{ id: string; finished: boolean }[]> {
    return this.database.forTenant(tenantId, (tx) =>
      rows(
        tx,
        `SELECT t.id, t.finished_at IS NOT NULL AS finished FROM turns t
         WHERE t.tenant_id = $1 AND ${kind === 'tenant' ? '$2::uuid = $1' : theirs} AND t.id > $3 ORDER BY t.id LIMIT ${batchRows}`,
        [tenantId, id, after],
      ),
    );
  }
}
