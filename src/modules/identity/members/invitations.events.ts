import { z } from 'zod';
import { defineEvent } from '../../../platform/events/index.ts';

/** Somebody was invited to become a member of a tenant. */
export const memberInvited = defineEvent('member.invited', { invitationId: z.uuid() });
