/**
 * Every limit that a plan can set, by what it bounds:
 * `counted` things that exist at once; `month` what a tenant uses in a calendar month (UTC); `at_once` what a tenant does at the same
 * time; `minute` a tenant's rate; `visitor_day` and `visitor_at_once` the same for each single visitor. Cost is in micro-units of money.
 */
export const limitKinds = {
  bots: 'counted',
  crawlers: 'counted',
  files: 'counted',
  actions: 'counted',
  custom_domains: 'counted',
  seats: 'counted',
  api_keys: 'counted',
  messages_per_month: 'month',
  tokens_per_month: 'month',
  cost_per_month: 'month',
  turns_at_once: 'at_once',
  open_sockets: 'at_once',
  requests_per_minute: 'minute',
  visitor_messages_per_day: 'visitor_day',
  visitor_tokens_per_day: 'visitor_day',
  visitor_turns_at_once: 'visitor_at_once',
} as const;

/** Name of one limit. */
export type LimitName = keyof typeof limitKinds;

/** What a limit bounds. */
export type LimitKind = (typeof limitKinds)[LimitName];

/** Names of the limits of one kind. */
export type LimitOf<K extends LimitKind> = { [N in LimitName]: (typeof limitKinds)[N] extends K ? N : never }[LimitName];

/** Something of which a tenant may have only so many. */
export type CountedThing = LimitOf<'counted'>;

/** Every limit's name, in the order in which they are shown. */
export const limitNames = Object.keys(limitKinds) as [LimitName, ...LimitName[]];

/** The limits that hold for somebody; a name that is absent has none. */
export type Limits = Partial<Record<LimitName, number>>;
