import { z } from 'zod';

/** Longest time that can be asked for, in days: a hundred years. */
const maxDays = 36_500;

const Days = z.int().min(1).max(maxDays).nullable();
const days = {
  messages: Days.meta({ description: 'Days after a turn has ended; then it goes with its messages. Null = for ever.' }),
  conversations: Days.meta({ description: 'Days after the last change; then the conversation goes as a whole. Null = for ever.' }),
  usage: Days.meta({ description: 'Days after a provider call; counters of the running month always stay. Null = for ever.' }),
};
const audit = z
  .int()
  .min(30)
  .max(maxDays)
  .nullable()
  .meta({ description: 'Days, 30 at least; the oldest entries go and leave a checkpoint. Null = for ever.' });

/** Body of "set how long the tenant keeps what". */
export const PutRetention = z.strictObject({ ...days, audit }).meta({ id: 'PutRetention' });
/** A tenant's policy, validated. */
export type PutRetention = z.output<typeof PutRetention>;

/** Body of "set how long a bot keeps what". */
export const PutBotRetention = z.strictObject(days).meta({ id: 'PutBotRetention' });
/** A bot's policy, validated. */
export type PutBotRetention = z.output<typeof PutBotRetention>;

/** A tenant's policy as the API shows it. */
export const RetentionResponse = z
  .object({
    object: z.literal('retention'),
    ...days,
    audit,
    last_run_at: z.iso.datetime().nullable().meta({ description: 'When everything that is past its time was last deleted.' }),
  })
  .meta({ id: 'Retention' });

/** A bot's policy as the API shows it. */
export const BotRetentionResponse = z
  .object({
    object: z.literal('bot_retention'),
    bot_id: z.string(),
    ...days,
    in_force: z.object(days).meta({ description: 'The shorter of the bot’s and the tenant’s.' }),
  })
  .meta({ id: 'BotRetention' });
