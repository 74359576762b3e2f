import { Inject, Injectable } from '@nestjs/common';
import { type QueueConfig, queueConfig } from '../../../platform/queue/index.ts';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { PublishedBots } from '../../bots/index.ts';
import { MessagesRepository } from '../../conversations/index.ts';
import { Models } from '../../models/index.ts';
import { PromptPrivacy } from '../../privacy/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { LogFlusher } from '../stream/log-flusher.ts';
import { LogStore } from '../stream/log-store.ts';
import { TurnLogs } from '../stream/turn-logs.ts';
import { TurnDoor } from './turn-door.ts';
import { TurnQuota } from './turn-quota.ts';

/** Where a turn reads and writes. */
@Injectable()
export class TurnStorage {
  constructor(
    readonly database: TenantDatabase,
    readonly keyRing: KeyRing,
    readonly messages: MessagesRepository,
    readonly quota: TurnQuota,
  ) {}
}

/** Where a turn's log goes. */
@Injectable()
export class TurnStreaming {
  constructor(
    readonly store: LogStore,
    readonly flusher: LogFlusher,
    readonly logs: TurnLogs,
  ) {}
}

/** What a prompt is made with, and who is asked. */
@Injectable()
export class TurnPrompting {
  constructor(
    readonly bots: PublishedBots,
    readonly models: Models,
    readonly privacy: PromptPrivacy,
  ) {}
}

/** Everything that the steps of a turn work with. */
@Injectable()
export class TurnTools {
  constructor(
    readonly storage: TurnStorage,
    readonly streaming: TurnStreaming,
    readonly prompting: TurnPrompting,
    readonly door: TurnDoor,
    @Inject(chatConfig.token) readonly config: ChatConfig,
    @Inject(queueConfig.token) readonly retries: QueueConfig,
  ) {}
}
