/**
 * Every Redis key and channel there is. A tenant's keys carry the hash tag `{tenant}`, which keeps them on one cluster
 * slot. Keys hold ids and keyed hashes, never an address, an e-mail or a client's own text.
 */
export const redisKeys = {
  /** Pattern of every key of a tenant. */
  ofTenant: (tenantId: string) => `t:{${tenantId}}:*`,
  /** Stream with the encrypted batches of a turn's log. */
  turnLog: (tenantId: string, turnId: string) => `t:{${tenantId}}:turn:${turnId}:log`,
  /** Hash with the fence (attempt), epoch, next sequence and seal of a turn's log. */
  turnLogState: (tenantId: string, turnId: string) => `t:{${tenantId}}:turn:${turnId}:state`,
  /** Channel on which new batches of a turn's log are published. */
  turnChannel: (tenantId: string, turnId: string) => `t:{${tenantId}}:turn:${turnId}:channel`,
  /** A chat ticket that has not been redeemed, by its keyed hash. */
  ticket: (hash: string) => `ticket:${hash}`,
  /** How many callers wait for a turn's answer in a dialect that cannot say "stop". */
  turnCallers: (tenantId: string, turnId: string) => `t:{${tenantId}}:turn:${turnId}:callers`,
  /** A single sign-on under way, or its one-time code, by the keyed hash of what the browser holds. */
  signOn: (kind: 'flow' | 'code' | 'landing', hash: string) => `sso:${kind}:${hash}`,
  /** A sign-in that waits for its second factor, or a challenge for a passkey, by the keyed hash of what the client holds. */
  secondStep: (kind: 'sign-in' | 'challenge', hash: string) => `second-step:${kind}:${hash}`,
  /** Prefix of the limiter's keys for attempts from an address or on an account. */
  attempts: (what: string) => `limit:${what}`,
  /** An address from which somebody has signed in with an e-mail, both as one keyed hash. */
  knownAddress: (pair: string) => `limit:known:${pair}`,
  /** Which turn a request that may be retried has made, by the keyed digest of the request. */
  retriedRequest: (tenantId: string, digest: string) => `t:{${tenantId}}:retried:${digest}`,
  /** Sorted set of the turns that stream from one model, by when their places run out. */
  routeTurns: (route: string) => `models:turns:${route}`,
  /** Hash with the pace of one model under one credential, by a digest of both: limits, what is left of them, who waits. */
  pace: (digest: string) => `models:pace:${digest}`,
  /** Hash of how many sockets a visitor has open at each replica. */
  visitorSockets: (tenantId: string, visitorId: string) => `t:{${tenantId}}:visitor:${visitorId}:sockets`,
  /** Counter of a visitor's messages in the current minute. */
  visitorMessages: (tenantId: string, visitorId: string) => `t:{${tenantId}}:visitor:${visitorId}:messages`,
  /** Counter of a visitor's sends in the current minute that are, or may be, copies of one that came in before. */
  visitorCopies: (tenantId: string, visitorId: string) => `t:{${tenantId}}:visitor:${visitorId}:copies`,
  /** Counter of a tenant's requests in the current minute. */
  tenantRequests: (tenantId: string) => `t:{${tenantId}}:requests`,
  /** Sorted set of a tenant's unfinished turns, by when their places run out. */
  tenantTurns: (tenantId: string) => `t:{${tenantId}}:turns`,
  /** The same of one visitor. */
  visitorTurns: (tenantId: string, visitorId: string) => `t:{${tenantId}}:visitor:${visitorId}:turns`,
  /** Hash of how many sockets a tenant has open at each replica. */
  tenantSockets: (tenantId: string) => `t:{${tenantId}}:sockets`,
  /** Prefix of all BullMQ keys. */
  queues: 'bull',
  /** Channel for hints between replicas (stop a turn, recheck credentials). */
  replicaBus: 'replicas:bus',
} as const;
