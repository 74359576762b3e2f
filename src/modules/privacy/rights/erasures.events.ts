import { z } from 'zod';
import { defineEvent } from '../../../platform/events/index.ts';

/** Somebody asked for the erasure of a person, or one that was begun is to be brought to its end. */
export const erasureRequested = defineEvent('erasure.requested', { erasureId: z.uuid() });

/** A tenant is shut and is to be deleted as a whole. */
export const tenantDeletionRequested = defineEvent('tenant.deletion_requested', {});
