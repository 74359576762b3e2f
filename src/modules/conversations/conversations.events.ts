import { z } from 'zod';
import { defineEvent } from '../../platform/events/index.ts';

/** A conversation was deleted with its messages and turns. */
export const conversationDeleted = defineEvent('conversation.deleted', {
  conversationId: z.uuid(),
  turnIds: z.array(z.uuid()),
  /** Those for which no model was called yet. */
  unbegunTurnIds: z.array(z.uuid()).default([]),
});
