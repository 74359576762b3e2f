import { z } from 'zod';
import { skills } from '../models/index.ts';
import { type ConfigValues, defineTopic, entry, setting } from '../../platform/config/index.ts';

/** How a skill's share is written. */
const skillShare = new RegExp(`^(${skills.join('|')})=[1-9]\\d{0,5}$`);

/** Limits of chat. */
export const chatConfig = defineTopic('chat', 'Chat', {
  maxRunningTurns: entry(
    'CHAT_MAX_RUNNING_TURNS',
    setting.int(1, 100_000).default(500),
    'Answers that stream at once on one replica; further turns wait in order.',
  ),
  maxTurnsPerModel: entry(
    'CHAT_MAX_TURNS_PER_MODEL',
    setting.int(0, 1_000_000).default(0),
    'Answers that stream at once from one model under one credential, over all replicas; further turns wait in order. An answer counts for whoever its route asks first (a credential of the tenant’s own only where the route has no other); fallbacks are not counted. 0 = no bound but that of the replicas.',
  ),
  turnsPerSkill: entry(
    'CHAT_TURNS_PER_SKILL',
    setting
      .list()
      .pipe(z.array(z.string().regex(skillShare, 'must be skill=number, as in vision=20')))
      .default([]),
    'Answers of bots that need a skill (vision, long_context, tools, reasoning) that stream at once, over all replicas: skill=number, comma-separated. A share of their own, beside CHAT_MAX_TURNS_PER_MODEL, so that they hold up nobody else and nobody them.',
  ),
  maxQueuedTurns: entry(
    'CHAT_MAX_QUEUED_TURNS',
    setting.int(1, 1_000_000).default(10_000),
    'Turns that may wait for a free place, over all tenants; beyond it a tenant that waits already is refused (429).',
  ),
  maxQueuedTurnsPerTenant: entry(
    'CHAT_MAX_QUEUED_TURNS_PER_TENANT',
    setting.int(1, 1_000_000).default(1_000),
    'Turns of one tenant that may wait for a free place; further ones are refused (429).',
  ),
  maxWaitingTurns: entry(
    'CHAT_MAX_WAITING_TURNS',
    setting.int(0, 1_000).default(8),
    'Unanswered messages that may wait in one conversation.',
  ),
  messagesPerMinute: entry(
    'CHAT_MESSAGES_PER_MINUTE',
    setting.int(1, 1_000_000).default(120),
    'Messages of one visitor a minute, over all replicas.',
  ),
  messageBytes: entry('CHAT_MESSAGE_BYTES', setting.int(1, 1_048_576).default(65_536), 'Longest message, in bytes of UTF-8.'),
  answerBytes: entry(
    'CHAT_ANSWER_BYTES',
    setting.int(1_024, 67_108_864).default(2_097_152),
    'Longest answer, in UTF-16 code units; a longer one ends there with reason length.',
  ),
  turnDeadlineMs: entry(
    'CHAT_TURN_DEADLINE_MS',
    setting.int(1_000, 3_600_000).default(300_000),
    'Longest time from claim to finish of a turn, in milliseconds.',
  ),
  frameBytes: entry('CHAT_FRAME_BYTES', setting.int(1_024, 67_108_864).default(4 * 1024 * 1024), 'Largest WebSocket message, in bytes.'),
  requestsPerSocket: entry('CHAT_REQUESTS_PER_SOCKET', setting.int(1, 10_000).default(64), 'Open requests on one socket.'),
  socketsPerVisitor: entry(
    'CHAT_SOCKETS_PER_VISITOR',
    setting.int(1, 1_000_000).default(20),
    'Open sockets of one visitor, over all replicas.',
  ),
  framesPerSecond: entry(
    'CHAT_FRAMES_PER_SECOND',
    setting.int(1, 100_000).default(50),
    'Frames a second that one socket may send on average; four times as many at once.',
  ),
  slowReaderBytes: entry(
    'CHAT_SLOW_READER_BYTES',
    setting.int(1_024, 268_435_456).default(1_048_576),
    'Unsent bytes of a reader above which nothing more is written to it.',
  ),
  slowReaderMs: entry(
    'CHAT_SLOW_READER_MS',
    setting.int(100, 600_000).default(5_000),
    'How long a reader may stay above that before it is closed (1013; it resumes), in milliseconds.',
  ),
  pingMs: entry(
    'CHAT_PING_MS',
    setting.int(1_000, 600_000).default(25_000),
    'Time between two pings, in milliseconds; two missed pongs end the socket.',
  ),
  idleMs: entry(
    'CHAT_IDLE_MS',
    setting.int(10_000, 86_400_000).default(7_200_000),
    'A socket without any request for this long is closed (4408), in milliseconds.',
  ),
  logGraceMs: entry(
    'CHAT_LOG_GRACE_MS',
    setting.int(1_000, 86_400_000).default(300_000),
    'How long the log of a finished turn stays in Redis, in milliseconds; later readers replay from Postgres.',
  ),
});

/** Values of the chat topic. */
export type ChatConfig = ConfigValues<typeof chatConfig>;
